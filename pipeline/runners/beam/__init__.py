"""Beam job server and Python workers for the profiles in [beam] of pipeline.toml that use a cluster."""
