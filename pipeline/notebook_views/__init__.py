"""Tables and charts of the notebooks, from the artifacts of finished runs."""
