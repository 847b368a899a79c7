"""Evaluator: metrics of candidate and champion on the same rows, and the decision whether the candidate is blessed."""
