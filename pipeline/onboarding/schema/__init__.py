"""Curating a schema: what the data would change, and changing it without touching what a person wrote."""
