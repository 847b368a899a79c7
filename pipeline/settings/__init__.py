"""The settings of a dataset: pipeline.toml as frozen, typed and checked objects, and what the DAG derives from them."""
