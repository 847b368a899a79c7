"""The pipeline: settings, DAG, runners, and the commands that read finished runs. See docs/architecture.md."""
