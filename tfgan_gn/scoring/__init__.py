"""Images to features of a network, and features to scores."""
