"""The contract of a served model: signatures, inputs, outputs, and predictions kept for evaluation."""
