"""`plumbline init`: drafts the settings and the schema of a dataset from a table."""
