"""Beam beyond one process: from [beam] in pipeline.toml to Beam's arguments, job server and workers."""
