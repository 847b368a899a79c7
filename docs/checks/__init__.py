"""Checks of the documentation that `make lint` runs."""
