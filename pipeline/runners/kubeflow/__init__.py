"""Kubeflow Pipelines (KFP): compiles the pipeline to YAML, executes steps in containers, and submits runs."""
