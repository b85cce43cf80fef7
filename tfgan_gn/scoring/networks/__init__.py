"""Networks whose features and class scores are the basis of all scores, and their weights."""
