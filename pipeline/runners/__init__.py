"""Executes the DAG: local runs, Kubeflow Pipelines, dry runs of compiled YAML, and Beam workers."""
