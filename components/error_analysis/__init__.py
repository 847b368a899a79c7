"""ErrorAnalysis: where the model does poorly, and so what data to get next."""
