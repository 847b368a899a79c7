"""Where ML Metadata is kept: a SQLite file beside the runs, or a MySQL or PostgreSQL server.

SQLite has one writer. A server has many, and outlives the machine on which the runs are made.
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
"""Of the runs below <root>/<dataset>, where [metadata] names no server."""
PORTS = {"mysql": 3306, "postgresql": 5432}
"""The port of each kind of server where the settings name none."""


class MetadataSettings(Protocol):
    """The table [metadata] of pipeline.toml.

    Attributes:
      kind: "sqlite", "mysql" (MariaDB, too) or "postgresql".
      host: Name or address of the server.
      port: 0 means the kind's own, see PORTS.
      database: Made if it is not there. One for each dataset: runs of two datasets in one cannot be told apart.
      user: Who logs in.
      password_variable: Environment variable that holds the password, which itself is in no file; "" is no password.
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
    """What ML Metadata, and TFX, connect with. Nothing is connected to, and no file is made, yet.

    Args:
      settings: None is SQLite.
      sqlite_file: Used where `kind` is "sqlite"; its folder is made if need be when a store is opened for writing.

    Raises:
      ConfigError: The variable that should hold the password is not set.
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
    """The SQLite file of a dataset's runs; `home` is <root>/<dataset>."""
    return home / FILE


def connection_of(settings: MetadataSettings | None, home: Path) -> "mlmd.ConnectionConfig":
    """What the runs of a dataset are recorded with: [metadata] of its settings, or the SQLite file below `home`."""
    return connection_config(settings, metadata_file(home))


def known_store(settings: MetadataSettings | None, home: Path) -> "metadata_store.MetadataStore | None":
    """The store of a dataset's runs, to read; None where it would be a SQLite file that does not exist.

    Raises:
      UsageError: The file is damaged, or the server does not answer or refuses.
    """
    config = connection_of(settings, home)
    if config.HasField("sqlite") and not metadata_file(home).is_file():
        return None
    return connect(config)


def connect(
    config: "mlmd.ConnectionConfig", *, read_only: bool = True, make: bool = False
) -> "metadata_store.MetadataStore":
    """The store behind a connection.

    Args:
      config: See `connection_config`.
      read_only: Open a SQLite file for reading, so that looking back never waits for a writer, nor makes a file.
      make: Make a SQLite file that is not there; not together with `read_only`.

    Raises:
      UsageError: There is no such file, no server answers, or the server refuses. The message holds no password.
    """
    # The library tells every step of a connection on stderr, from C++, unless it is told before it is loaded.
    os.environ.setdefault("GLOG_minloglevel", "3")
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if config.HasField("sqlite"):
        where = config.sqlite.filename_uri
        if not Path(where).is_file() and not make:
            raise UsageError(f"{where}: no metadata there; run the pipeline first or say where with --root")
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
            f"password's variable ({database_says(exc)})"
        ) from exc


def _password(settings: MetadataSettings) -> str:
    if not settings.password_variable:
        return ""
    password = os.environ.get(settings.password_variable)
    if password is None:
        # Somebody may have written the password itself there.
        plain = re.fullmatch("[A-Z][A-Z0-9_]*", settings.password_variable)
        named = settings.password_variable if plain else "the variable that it names"
        raise ConfigError(
            f"[metadata] password_variable: {named} is not set in the environment; "
            f"export it with the password of user {settings.user}"
        )
    return password


def _answers(host: str, port: int, where: str) -> None:
    """UsageError unless something listens: the library's own message for that does not name the place."""
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError as exc:
        raise UsageError(
            f"{where}: no server answers ({exc.strerror or exc}); start it or correct [metadata] in pipeline.toml"
        ) from exc


def database_says(exc: BaseException) -> str:
    """What the database says, without the SQL that it was asked."""
    return " ".join(str(exc).removeprefix("Error when executing query: ").partition(" query: ")[0].split())[:200]
