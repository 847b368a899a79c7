"""Request log: what the server was asked and answered, on disk as Arrow IPC and Parquet, joined with later labels."""
