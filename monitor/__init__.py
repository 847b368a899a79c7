"""Monitoring of served models: windows of the request log, checks, alarms, incidents, retraining, a dashboard.

Nothing here imports `pipeline`: settings come in as dataclasses, and a retraining starts `plumbline run` as a process.
"""
