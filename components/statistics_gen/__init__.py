"""TFDV's statistics of the examples, in this process where Beam would run here anyway."""
