"""ML Metadata: connection, backups, identity of the store, stored artifacts and their verification."""
