"""The page of a run, or of several side by side: what their folders hold, and what of it is shown how.

It takes plain values. `runs.reporting` gives it those that depend on settings.
"""
