"""Watching a training: divergence, alarms, and scores that depend on the other images of a batch."""
