"""The `plumbline` command: one module for each command or family of commands, with arguments and handler."""

from pipeline.cli.command_line import main as main
