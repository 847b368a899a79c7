"""Artifact types, and whether the files of an artifact are still those that its component wrote."""
