"""Tells covariate, concept and prior shift apart, and a season from all of them."""
