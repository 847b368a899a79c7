"""ErrorAnalysis: weak slices with likely causes and next steps, and permutation importance."""
