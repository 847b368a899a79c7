"""From one's own data to a dataset: `plumbline init` drafts settings and schema, `plumbline schema` maintains it."""
