"""Windows of the request log, by event time: which rows belong to one, and the baseline of a version beside them."""
