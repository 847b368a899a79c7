"""DriftValidator: drift from train to eval, by feature and by slice, with significance tests and effect sizes."""
