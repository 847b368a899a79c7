"""Sketches of data sets: distributions of all columns from one pass over the rows, in bounded memory."""
