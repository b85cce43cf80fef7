"""From images to the features of a network, and from features to scores."""
