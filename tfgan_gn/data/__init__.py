"""From a name or a path to decoded images, and from these to the batches of training."""
