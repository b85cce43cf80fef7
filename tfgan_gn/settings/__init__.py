"""What a user can set: options, their checks, presets, the command line. No TensorFlow."""
