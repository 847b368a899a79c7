"""The dashboard: pages about the monitored models of a server, and the same page as a file."""
