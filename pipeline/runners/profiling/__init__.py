"""`plumbline run --profile`: a sampling profiler that reports wall and CPU time by step and function."""
