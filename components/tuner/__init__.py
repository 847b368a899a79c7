"""Hyperparameter search over the settings of training, run if [tune] is set: see component.py."""
