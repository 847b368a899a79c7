"""Looks for better settings of the training, when asked to: see component.py."""
