"""A data set by name or path, decoded, and the batches that training draws from it."""
