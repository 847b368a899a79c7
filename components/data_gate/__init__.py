"""DataGate: may this data be learned from? Findings in, a decision by policy out."""
