"""Distances between two samples of a column, with p-values and critical values."""
