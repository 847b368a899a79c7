"""Recognises database URLs and database files."""

SCHEMES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
}
FILES = {".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite", ".duckdb": "duckdb"}
"""Suffix of a database file -> kind of database."""


def is_database(directory: str) -> bool:
    """Whether a location is a database URL."""
    return directory.partition("://")[0].lower() in SCHEMES and "://" in directory


def database_url(path: str) -> str:
    """The URL of a database file, by the suffix of its path; "" if it is not a database file."""
    kind = next((kind for end, kind in FILES.items() if path.lower().endswith(end)), "")
    return f"{kind}:///{path}" if kind and "://" not in path else ""
