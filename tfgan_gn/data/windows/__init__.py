"""Windows of large images, in place of the images."""
