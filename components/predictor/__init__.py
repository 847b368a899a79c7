"""Predictor: candidate and champion predict the eval split once, for all components that use the predictions."""
