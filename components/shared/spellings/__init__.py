"""Spelling variants of one value: found, and mapped to the canonical spelling."""
