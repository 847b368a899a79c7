"""Drift of the joint distribution, by a classifier two-sample test."""
