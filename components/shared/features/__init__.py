"""Features derived from raw columns, computed alike on record batches, in the transform graph and in a served model."""
