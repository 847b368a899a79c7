"""Cells and columns to the types of the schema: numbers, dates, texts, and values that do not fit."""
