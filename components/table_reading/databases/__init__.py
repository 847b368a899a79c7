"""Rows of a query, streamed as Arrow record batches: PostgreSQL, and files of SQLite and DuckDB."""
