"""Tables of pipeline.toml, a file each; config.py puts them together."""
