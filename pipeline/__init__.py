"""The pipeline: settings, DAG, runners, and what reads finished runs. See docs/architecture.md."""
