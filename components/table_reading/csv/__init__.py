"""Reads CSV files: encoding, dialect, layout, header, and rows as typed or untyped record batches."""
