"""What surrounds every command: signals, exit codes, limits, run lock, console, child processes, temporary files."""
