"""User-facing errors and their exit codes.

    PlumblineError                 1  a component failed (any other exception is a bug, also 1)
    ├── ResourceError              1  the machine: memory, threads, open files, an incomplete installation
    ├── DamagedArtifact            1  an artifact differs from what its component wrote; a local run recreates it
    ├── InputError                 2  the data: a file, a column, a row
    ├── ConfigError                2  pipeline.toml or schema.pbtxt
    ├── UsageError                 2  the command line, a folder that cannot be written, a run already in progress
    └── GateBlocked                3  the data gate stopped the run

A message is one line and says what is wrong, where, and what to do. This module is the lowest layer, so that every
other module can raise these errors.
"""


class PlumblineWarning(UserWarning):
    """Something that a user should change, although it works now; printed once, in one line on stderr."""


class PlumblineError(Exception):
    """An error with a message for the user; `exit_code` is the exit code of the process."""

    exit_code = 1


class ResourceError(PlumblineError):
    """The machine lacks a resource; the message names it, and the limit or setting to change."""


class DamagedArtifact(PlumblineError):
    """The files of an artifact differ from those that its component wrote; `uri` is the artifact."""

    def __init__(self, message: str, uri: str) -> None:
        super().__init__(message)
        self.uri = uri


class InputError(PlumblineError):
    """Data cannot be used; the message names the file and, if applicable, the column and the row."""

    exit_code = 2


class ConfigError(PlumblineError):
    """A settings or schema file cannot be used; the message names the file, the key and the legal values."""

    exit_code = 2


class UsageError(PlumblineError):
    """A command cannot be carried out as given."""

    exit_code = 2


class GateBlocked(PlumblineError):
    """The policy of the data gate is `block` for a finding."""

    exit_code = 3
