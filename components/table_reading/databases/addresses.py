"""URLs of databases, and names of their files."""

SCHEMES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
}
FILES = {".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite", ".duckdb": "duckdb"}
"""How the name of a database's file ends, and of which kind it is."""


def is_database(directory: str) -> bool:
    """Whether a URL is of a database."""
    return directory.partition("://")[0].lower() in SCHEMES and "://" in directory


def database_url(path: str) -> str:
    """The URL of a database's file by the end of its name; "" if it is none."""
    kind = next((kind for end, kind in FILES.items() if path.lower().endswith(end)), "")
    return f"{kind}:///{path}" if kind and "://" not in path else ""
