"""Labelled sets that the package draws, for machines without data or network."""
