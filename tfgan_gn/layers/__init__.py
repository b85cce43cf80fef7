"""Norms with an exact second derivative, spectral norm, resampling with convolutions, residual blocks."""
