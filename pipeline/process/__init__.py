"""Process handling of every command: signals, exit codes, resource limits, run lock, console, temporary files."""
