"""New images of given ones, in files: which are made of which, in the size and the depth of the given one."""
