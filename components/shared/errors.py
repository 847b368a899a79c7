"""The errors that a user sees, and their exit codes.

    PlumblineError                 1  a failed component (anything else that escapes is a bug, also 1)
    ├── ResourceError              1  the machine: memory, threads, open files, an installation that is incomplete
    ├── DamagedArtifact            1  an artifact is not what its component wrote; a local run makes it again by itself
    ├── InputError                 2  the data: a file, a column, a row
    ├── ConfigError                2  pipeline.toml or schema.pbtxt
    ├── UsageError                 2  the command line, a folder that cannot be written, a run already under way
    └── GateBlocked                3  the data gate stopped the run

A message is one line and says what is wrong, where, and what to do. This file is the lowest layer, so that pure
cores can raise what the command line prints.
"""


class PlumblineError(Exception):
    """A failure with a message for a person; `exit_code` is what the process returns."""

    exit_code = 1


class ResourceError(PlumblineError):
    """What the machine or its limits do not give: names it, and the limit or setting to change."""


class DamagedArtifact(PlumblineError):
    """An artifact whose files are not those that its component wrote; `uri` says which."""

    def __init__(self, message: str, uri: str) -> None:
        super().__init__(message)
        self.uri = uri


class InputError(PlumblineError):
    """Data that cannot be used: names the file and, where there is one, the column and the row."""

    exit_code = 2


class ConfigError(PlumblineError):
    """A settings or schema file that cannot be used: names the file, the key and the legal values."""

    exit_code = 2


class UsageError(PlumblineError):
    """A command that cannot be carried out as given."""

    exit_code = 2


class GateBlocked(PlumblineError):
    """The data gate's policy says `block` for something that was found."""

    exit_code = 3
