"""What the benchmark scripts share: rows, clocks, statistics, floors, and the tables and pictures of the results."""
