"""The `plumbline` command: a module a command or a family of commands, each with its arguments and its handler."""

from pipeline.cli.command_line import main as main
