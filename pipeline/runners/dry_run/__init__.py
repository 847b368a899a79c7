"""Dry run: executes a compiled pipeline task by task on this machine, as open-source Kubeflow Pipelines would.

The behaviour follows KFP's source (backend/src/v2: compiler, driver, component). Each module names the part of KFP that
it reimplements.
"""
