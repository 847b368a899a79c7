"""Reads finished runs from ML Metadata and summaries: runs, lineage, comparison, downstream use, garbage collection."""
