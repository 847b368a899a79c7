"""Metrics with weights, bootstrap intervals, and selection of the decision threshold."""
