"""Questions to finished runs: which, why cached, what differs, what came of a span, what can go."""
