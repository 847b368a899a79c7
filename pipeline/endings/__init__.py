"""How every command ends: signals, exceptions as one line and an exit code, child processes, temporary files."""
