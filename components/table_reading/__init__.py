"""Reads tables into typed Arrow record batches: spans, formats, cells, types. Shared by ingest, init, drift, audit."""
