"""Runs of which every component is cached, decided and recorded without TensorFlow, Beam or TFX's launcher."""
