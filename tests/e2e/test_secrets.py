"""A run on a metadata server with planted passwords and tokens: no output or file contains them."""

import csv
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.e2e.project import PROJECT
from tests.pipeline.metadata_servers import PASSWORD, USER, mariadb

PLANTED = {
    "PLUMBLINE_TEST_PASSWORD": PASSWORD,
    "AWS_SECRET_ACCESS_KEY": "planted-aws-secret",
    "AWS_SESSION_TOKEN": "planted-session-token",
    "MLFLOW_TRACKING_PASSWORD": "planted-mlflow-password",
    "MLFLOW_TRACKING_URI": "http://someone:planted-uri-password@127.0.0.1:9/",
    "KF_PIPELINES_TOKEN": "planted-bearer-token",
    "MY_API_KEY": "planted-api-key",
}
SECRETS = (*(value for name, value in PLANTED.items() if name != "MLFLOW_TRACKING_URI"), "planted-uri-password")


def assert_clean(text: str, where: object) -> None:
    found = [secret for secret in SECRETS if secret in text]
    assert not found, (where, found)


def test_a_run_on_a_server_leaves_no_secret(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    draw = random.Random(1)
    with Path("data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "x", "y", "late"])
        writer.writerows(
            [row, f"{(x := draw.gauss(0, 1)):.3f}", f"{draw.gauss(0, 1):.3f}", int(x + draw.gauss(0, 0.5) > 0)]
            for row in range(800)
        )
    assert main(["init", "--data", "data.csv", "--label", "late", "--name", "kept"]) == 0
    settings = Path("schemas/kept/pipeline.toml")
    with mariadb() as server:
        settings.write_text(
            settings.read_text()
            + f'\n[metadata]\nkind = "mysql"\nhost = "{server.host}"\nport = {server.port}\ndatabase = "kept"\n'
            + f'user = "{USER}"\npassword_variable = "PLUMBLINE_TEST_PASSWORD"\n'
            + '\n[mlflow]\ntracking_uri = "http://127.0.0.1:9/"\n'
        )
        commands = [
            ["run", "--dataset", "kept"],
            ["lineage", "live", "--dataset", "kept", "--json"],
            ["report", "--dataset", "kept"],
        ]
        for command in commands:
            assert main(command) == 0, (command, capfd.readouterr())
            assert_clean("".join(capfd.readouterr()), command)
        cluster = ["--image", "i", "--root", "s3://b/r", "--data", "s3://b/d", "-o", "pipeline.yaml"]
        compiled = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "compile", "--dataset", "kept", *cluster],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
        )
        assert compiled.returncode == 0, compiled.stderr
        assert_clean(compiled.stdout + compiled.stderr, "compile")
        assert main(["export", "mlflow", "--dataset", "kept", "--tracking-uri", PLANTED["MLFLOW_TRACKING_URI"]]) == 2
        assert main(
            ["export", "mlflow", "--dataset", "kept", "--tracking-uri", PLANTED["MLFLOW_TRACKING_URI"], "--debug"]
        )
        assert_clean("".join(capfd.readouterr()), "export")
        monkeypatch.setenv("PLUMBLINE_TEST_PASSWORD", "another-" + PASSWORD)
        assert main(["lineage", "live", "--dataset", "kept"]) == 2
        assert_clean("".join(capfd.readouterr()), "refused")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in content], path


BAD_URL = "s3://AKIAPLANTED:planted-aws-secret@bucket/data"
SETTINGS = [
    ("data", f'directory = "{BAD_URL}"'),
    ("data", f'corrections = "{BAD_URL}"'),
    ("registry", f'directory = "{BAD_URL}"'),
    ("mlflow", 'tracking_uri = "http://u:planted-mlflow-password@h"'),
    ("kubeflow", f'root = "{BAD_URL}"'),
    ("kubeflow", 'environment = { DB_PASSWORD = "planted-api-key" }'),
    ("metadata", 'password = "planted-api-key"'),
    ("metadata", 'password_variable = "planted-api-key"'),
]


@pytest.mark.parametrize(("table", "line"), SETTINGS)
def test_settings_with_a_secret_are_refused_without_telling_it(tmp_path, monkeypatch, capsys, table, line):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "schemas" / "kept"
    folder.mkdir(parents=True)
    tables = {"dataset": 'name = "kept"\nlabel = "late"', "data": 'directory = "d"', "features": 'numeric = ["x"]'}
    tables[table] = (
        line if table == "data" and "directory" in line else "\n".join(filter(None, (tables.get(table), line)))
    )
    text = "\n".join(f"[{name}]\n{body}" for name, body in tables.items())
    (folder / "pipeline.toml").write_text(text)
    (folder / "schema.pbtxt").write_text("")
    assert main(["run", "--dataset", "kept"]) == 2
    out, err = capsys.readouterr()
    assert_clean(out + err, line)
    assert f"[{table}]" in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "--data", BAD_URL, "--label", "late"],
        ["drift", BAD_URL, "b.csv"],
        ["drift", "a.csv", f"{BAD_URL}?x=1"],
        ["audit", BAD_URL, "--label", "late"],
        ["run", "--dataset", "kept", "--data", BAD_URL],
        ["run", "--dataset", "kept", "--root", BAD_URL],
        ["compile", "--dataset", "kept", "--root", BAD_URL, "-o", "p.yaml"],
        ["dry-run", "p.yaml", "--root", BAD_URL],
    ],
)
def test_arguments_with_a_secret_are_refused_without_telling_it(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert_clean(out + err, arguments)
    assert "holds credentials" in err
    assert list(tmp_path.iterdir()) == []
