"""ML Metadata: connection, backups, identity, stored artifacts, and whether these still hold what was written."""
