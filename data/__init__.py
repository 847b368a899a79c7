"""How data gets in: the makers of span files, and a small committed sample."""
