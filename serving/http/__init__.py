"""The HTTP layer: connections, worker processes, TLS, metrics. What requests mean is in the modules above it."""
