"""Text from data and settings: escaped for each output, free of secrets, safe as a file name."""
