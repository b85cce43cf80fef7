"""Norms with an exact second derivative, spectral norm, convolutions with resampling, residual blocks."""
