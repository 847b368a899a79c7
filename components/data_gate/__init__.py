"""DataGate: decides by policy whether findings about the data stop the run."""
