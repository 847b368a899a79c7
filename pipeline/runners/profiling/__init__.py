"""`plumbline run --profile`: where a run's time goes, by step and inside it, from samples of the running process."""
