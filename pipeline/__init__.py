"""The DAG: how it is configured, composed, run, looked back at."""
