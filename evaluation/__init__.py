"""How good a translation is: measures, thresholds agreed beforehand, and a report that one can look at."""
