"""Sets up a dataset from user data: `plumbline init` drafts settings and schema, `plumbline schema` maintains them."""
