"""The dry run: a compiled pipeline, task by task on this machine, as open-source Kubeflow Pipelines would run it.

What KFP does is read in its own source (backend/src/v2: compiler, driver, component). Each file here names the part of
it that it stands in for.
"""
