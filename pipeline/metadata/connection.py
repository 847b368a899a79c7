"""Connects to ML Metadata: a SQLite file beside the runs, or a MySQL or PostgreSQL server.

SQLite allows one writer. A server allows many, and keeps the metadata when the machine of the runs is replaced.
"""

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from components.shared.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

FILE = "metadata.sqlite"
"""Name of the SQLite file below <root>/<dataset>, if [metadata] names no server."""
PORTS = {"mysql": 3306, "postgresql": 5432}
"""Default ports."""


class MetadataSettings(Protocol):
    """The table [metadata] of pipeline.toml.

    Attributes:
      kind: "sqlite", "mysql" (MariaDB, too) or "postgresql".
      host: Name or address of the server.
      port: Port; 0 is the default of the server, see PORTS.
      database: Name of the database; created if it does not exist. Each dataset needs its own database.
      user: User name.
      password_variable: Name of the environment variable with the password; "" is no password.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def database(self) -> str: ...  # noqa: D102
    @property
    def user(self) -> str: ...  # noqa: D102
    @property
    def password_variable(self) -> str: ...  # noqa: D102


def connection_config(settings: MetadataSettings | None, sqlite_file: Path) -> "mlmd.ConnectionConfig":
    """Makes the connection config of ML Metadata and TFX, without connecting.

    Args:
      settings: The table [metadata]; None is SQLite.
      sqlite_file: The file if `kind` is "sqlite".

    Raises:
      ConfigError: The environment variable for the password is not set.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = mlmd.ConnectionConfig()
    if settings is None or settings.kind == "sqlite":
        config.sqlite.filename_uri = str(sqlite_file)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return config
    port = settings.port or PORTS[settings.kind]
    if settings.kind == "mysql":
        mysql = config.mysql
        mysql.host, mysql.port, mysql.database = settings.host, port, settings.database
        mysql.user, mysql.password = settings.user, _password(settings)
    else:
        postgresql = config.postgresql
        postgresql.host, postgresql.port, postgresql.dbname = settings.host, str(port), settings.database
        postgresql.user, postgresql.password = settings.user, _password(settings)
    return config


def metadata_file(home: Path) -> Path:
    """Returns the path of a dataset's SQLite store; `home` is <root>/<dataset>."""
    return home / FILE


def connection_of(settings: MetadataSettings | None, home: Path) -> "mlmd.ConnectionConfig":
    """Makes the connection config of a dataset's runs.

    Args:
      settings: The table [metadata]; None is SQLite.
      home: <root>/<dataset>, the folder of the SQLite file.

    Raises:
      ConfigError: See `connection_config`.
    """
    return connection_config(settings, metadata_file(home))


def known_store(settings: MetadataSettings | None, home: Path) -> "metadata_store.MetadataStore | None":
    """Opens the store of a dataset's runs for reading.

    Args:
      settings: The table [metadata]; None is SQLite.
      home: <root>/<dataset>.

    Returns:
      The store; None if it is a SQLite file that does not exist.

    Raises:
      UsageError: The file is damaged, or the server cannot be reached or refuses the connection.
    """
    config = connection_of(settings, home)
    if config.HasField("sqlite") and not metadata_file(home).is_file():
        return None
    return connect(config)


def connect(
    config: "mlmd.ConnectionConfig", *, read_only: bool = True, make: bool = False
) -> "metadata_store.MetadataStore":
    """Opens a metadata store.

    Args:
      config: See `connection_config`.
      read_only: Open a SQLite file for reading: never waits for a writer, and never creates the file.
      make: Create the SQLite file if it does not exist; overrides `read_only`.

    Raises:
      UsageError: The file does not exist or is damaged, or the server cannot be reached or refuses the connection. The
        message does not contain the password.
    """
    # The library's C++ code logs every step of a connection to stderr, unless this is set before it is loaded.
    os.environ.setdefault("GLOG_minloglevel", "3")
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if config.HasField("sqlite"):
        where = config.sqlite.filename_uri
        if not Path(where).is_file() and not make:
            raise UsageError(f"{where}: the metadata store does not exist; run the pipeline first, or correct --root")
        mode = mlmd.SqliteMetadataSourceConfig
        chosen = mlmd.ConnectionConfig()
        chosen.CopyFrom(config)
        chosen.sqlite.connection_mode = mode.READONLY if read_only else mode.READWRITE
        if make:
            chosen.sqlite.connection_mode = mode.READWRITE_OPENCREATE
        try:
            return metadata_store.MetadataStore(chosen)
        except Exception as exc:  # RuntimeError or one of ML Metadata's errors.StatusError
            raise UsageError(
                f"{where}: is damaged, or is no ML Metadata ({database_says(exc)}); run `plumbline doctor`"
            ) from exc
    kind, server = ("MySQL", config.mysql) if config.HasField("mysql") else ("PostgreSQL", config.postgresql)
    where = f"{kind} at {server.host}:{server.port}"
    _answers(server.host, int(server.port), where)
    database = server.database if kind == "MySQL" else server.dbname
    try:
        return metadata_store.MetadataStore(config)
    except Exception as exc:
        raise UsageError(
            f"{where}: refuses user {server.user} or database {database}; check [metadata] in pipeline.toml and the "
            f"variable with the password ({database_says(exc)})"
        ) from exc


def _password(settings: MetadataSettings) -> str:
    if not settings.password_variable:
        return ""
    password = os.environ.get(settings.password_variable)
    if password is None:
        # The setting may contain the password itself by mistake: do not print it.
        plain = re.fullmatch("[A-Z][A-Z0-9_]*", settings.password_variable)
        named = settings.password_variable if plain else "the variable that it names"
        raise ConfigError(
            f"[metadata] password_variable: {named} is not set in the environment; "
            f"export it with the password of user {settings.user}"
        )
    return password


def _answers(host: str, port: int, where: str) -> None:
    """Raises UsageError if nothing listens at an address: the library's own message does not name the address."""
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError as exc:
        raise UsageError(
            f"{where}: the server cannot be reached ({exc.strerror or exc}); start it, or correct [metadata] in "
            "pipeline.toml"
        ) from exc


def database_says(exc: BaseException) -> str:
    """Returns the database's error message without the SQL query, at most 200 characters long."""
    return " ".join(str(exc).removeprefix("Error when executing query: ").partition(" query: ")[0].split())[:200]
