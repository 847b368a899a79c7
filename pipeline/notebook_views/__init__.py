"""Tables and charts of the notebooks: each reads what the last run wrote and computes nothing anew."""
