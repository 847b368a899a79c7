"""Whether columns go together as they did."""
