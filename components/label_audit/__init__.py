"""LabelAudit: suspected label errors, inconsistent labels and annotator agreement, before training."""
