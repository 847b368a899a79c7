"""Reads formats other than CSV and databases: Parquet, Arrow IPC, TFRecord, JSON lines, spreadsheets, zip archives."""
