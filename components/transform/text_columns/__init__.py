"""Columns of free text: n-grams, TF-IDF, and what is learned of them, as a few numbers a text."""
