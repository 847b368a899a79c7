"""CSV files: encoding, dialect, layout, header, and the rows as typed or untyped record batches."""
