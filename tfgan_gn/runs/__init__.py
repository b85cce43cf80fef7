"""From settings to a run: its data, its networks and trainer, its recorder; and back from a run folder to its networks.

Only these files and the commands see settings; the folders below take plain arguments.
"""
