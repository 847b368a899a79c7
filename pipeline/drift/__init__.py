"""`plumbline drift`: drift between two tables, drift over the runs of a dataset, suggested thresholds."""
