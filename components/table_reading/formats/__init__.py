"""Formats beside CSV and databases: Parquet, Arrow IPC, TFRecord, JSON lines, spreadsheets, zip archives."""
