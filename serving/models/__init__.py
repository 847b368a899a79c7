"""Loaded models and their versions.

signatures.py       signatures and inputs of a SavedModel, as data; without TensorFlow
loaded_model.py     a SavedModel in memory
warmup.py           the first requests of a loaded model, before it serves
version_states.py   the states of a version, as TensorFlow Serving reports them
registry_watch.py   what a registry asks to be served, and the files of it
model_manager.py    loads, swaps and unloads the versions; hands out leases
"""
