"""Scripts that write span files, and a small committed sample."""
