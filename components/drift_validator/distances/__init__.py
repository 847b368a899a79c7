"""How far two samples of one column are apart, and what chance would make of it."""
