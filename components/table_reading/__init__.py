"""Tables as typed Arrow record batches: spans, formats, cells, column types; for ingest, init, drift and audit."""
