"""Runs on Kubeflow Pipelines: the pipeline as YAML, what its containers execute, and how it is submitted."""
