"""Settles what has to be settled before any test imports TensorFlow."""

from pipeline.environment import settle

settle()
