"""Checks of the data before a run starts, so that bad input leaves no trace in metadata or registry."""
