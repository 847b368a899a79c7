"""A run handed on to other tools."""
