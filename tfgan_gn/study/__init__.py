"""Studies: every arm with every seed, trained by the ordinary training, and what their scores show."""
