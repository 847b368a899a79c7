"""`plumbline audit`: suspected label errors, annotator agreement and spelling variants of any table, without a run."""
