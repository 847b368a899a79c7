"""Everything that executes the DAG: locally, on Kubeflow Pipelines, as a dry run of compiled YAML; Beam workers."""
