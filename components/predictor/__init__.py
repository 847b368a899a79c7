"""Predictor: candidate and champion answer the eval rows once, for all steps that judge them."""
