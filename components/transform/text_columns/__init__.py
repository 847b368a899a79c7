"""Text columns: n-grams, TF-IDF, and models that convert a text to a few numbers."""
