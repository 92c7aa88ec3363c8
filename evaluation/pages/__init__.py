"""What the report and the blind page have in common: one HTML file that needs no other file and no network."""
