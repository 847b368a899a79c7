"""From a table of one's own to a dataset: what `plumbline init` proposes and writes."""
