"""What drift needs to know of data: a stream of rows, read once, as distributions."""
