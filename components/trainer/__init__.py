"""The model: reading examples as columns, the network, its training, and what is exported for serving."""
