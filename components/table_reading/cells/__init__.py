"""Converts cells and columns to the types of the schema: numbers, dates, texts, and type mismatches."""
