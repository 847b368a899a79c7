"""Schema maintenance: proposes changes from the data, and applies them without losing comments and layout."""
