"""The report of a run: one HTML file that opens from disk, offline, anywhere.

From left to right: `gather` reads what a finished run left behind, `view` arranges it, `page` renders it, `write` keeps
it. Neither TensorFlow nor TFX is imported on the way.
"""
