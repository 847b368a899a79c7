"""Retraining by policy: whether a model is trained again, on which rows, and the steps until it is live."""
