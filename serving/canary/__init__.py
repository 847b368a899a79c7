"""Canary analysis: sequential tests of two versions that answer requests at the same time, and the decision."""
