"""Checks that need no labels: drift and skew of inputs, prediction drift, replay, data quality, traffic and latency."""
