"""Images in a column: decoding, statistics, hashes and embeddings."""
