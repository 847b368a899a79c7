"""What several components and the pipeline share, a folder an idea. Imports no component."""
