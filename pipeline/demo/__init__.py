"""`plumbline demo`: the whole life of a model on the flights of 2013, with the public commands, on this machine."""
