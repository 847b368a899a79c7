"""Streams the rows of a query as Arrow record batches: PostgreSQL, SQLite files, DuckDB files."""
