"""Evaluator: TFMA measures candidate and champion on the same rows; a verdict says whether the candidate is blessed."""
