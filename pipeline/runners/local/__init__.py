"""`plumbline run`: TFX's launcher node by node in this process, and cached runs without importing TFX."""
