"""Performance of a served model: estimated before the labels, corrected as they come, measured once they are in."""
