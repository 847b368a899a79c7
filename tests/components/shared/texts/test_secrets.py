import pytest

from components.shared.texts.secrets import holds_secret, is_secret_name, message_line, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://AKIA:hunter2@bucket/a", "s3://***@bucket/a"),
        ("http://user:pass@host:5000/x", "http://***@host:5000/x"),
        ("http://token@host", "http://***@host"),
        ("postgresql://u:p@ss@h/db", "postgresql://***@h/db"),
        ("https://h/x?X-Amz-Signature=abc&a=1", "https://h/x?X-Amz-Signature=***&a=1"),
        ("az://c/p?sv=1&sig=abc", "az://c/p?sv=1&sig=***"),
        ("s3://b/p?secret_key=abc", "s3://b/p?secret_key=***"),
    ],
)
def test_urls_with_secrets(url, shown):
    assert holds_secret(url)
    assert without_secrets(f"opening {url} failed", {}) == f"opening {shown} failed"


@pytest.mark.parametrize(
    "url", ["s3://bucket/a@b", "sqlite:///C@D", "file:///home/x@y/z", "gs://b/x?versions=true", "a@b", "http://h:80/@x"]
)
def test_urls_without_secrets(url):
    assert not holds_secret(url)
    assert without_secrets(url, {}) == url


def test_names_of_variables():
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "PGPASSWORD",
        "MYSQL_PWD",
        "MLFLOW_TRACKING_TOKEN",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "api_key",
    ):
        assert is_secret_name(name)
    for name in ("PWD", "TOKENIZERS_PARALLELISM", "AWS_REGION", "GOOGLE_APPLICATION_CREDENTIALS", "KEYBOARD", "PATH"):
        assert not is_secret_name(name)


def test_values_of_secret_variables_are_removed():
    environment = {"DB_PASSWORD": "correct horse", "PATH": "/usr/bin", "X_TOKEN": "ab"}
    said = without_secrets("access denied for 'correct horse' at /usr/bin, ab", environment)
    assert said == "access denied for '***' at /usr/bin, ab"


def test_message_is_one_printable_line(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "s3cr3t-s3cr3t")
    assert message_line("a\n  b \x1b[2J s3cr3t-s3cr3t") == r"a b \x1b[2J ***"
