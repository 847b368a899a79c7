"""Transform: the preprocessing of raw columns into model inputs."""
