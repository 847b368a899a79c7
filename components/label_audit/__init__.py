"""LabelAudit: what can be said about the labels before a model learns from them."""
