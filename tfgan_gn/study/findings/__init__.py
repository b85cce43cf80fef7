"""What the results of a study show: statistics, the answer, tables and the page."""
