"""Blocks of a self-contained HTML page: plain values in, HTML out. Nothing in it is fetched from elsewhere."""
