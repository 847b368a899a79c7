"""The model server: answers requests with the versions of a model registry.

    models/      versions: watched, verified, loaded, warmed up, swapped and unloaded
    traffic.py   which version answers a request: live, or a canary for a share of the request keys
    explanations.py   the features that moved a prediction most; shapley.py computes them

It depends on `components.registry` and `components.shared` alone, not on the pipeline, TFX or Beam. TensorFlow is
imported where a SavedModel is loaded.
"""
