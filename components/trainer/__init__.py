"""Training: reads examples as columns, fits and blends candidate models, and exports a SavedModel for serving."""
