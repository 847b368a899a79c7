"""DriftValidator: how far eval has moved from train, feature by feature, against the schema's drift comparators."""
