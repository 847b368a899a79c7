"""Sections (TOML tables) of pipeline.toml, a module each; settings/config.py composes them."""
