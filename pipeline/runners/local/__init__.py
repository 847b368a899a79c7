"""`plumbline run`: TFX's launcher for each node in this process, and fully cached runs without importing TFX."""
