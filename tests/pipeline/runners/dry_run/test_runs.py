"""What tasks are told and what becomes of what they write; what a second run keeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import UsageError
from pipeline.cli import main
from tests.pipeline.runners.dry_run.pipelines import DATASET, MAKE, USE, N, Shell, document, task, write


def _printed(shell: Shell, name: str) -> dict[str, Any]:
    """The JSON object that a task's container printed last."""
    printed: dict[str, Any] = json.loads((shell.work / "logs" / f"{name}.log").read_text().splitlines()[-1])
    return printed


def _stored(shell: Shell, uri: str) -> Path:
    return shell.storage / uri.replace("://", "/")


def test_an_artifact_goes_through_the_store(shell: Shell) -> None:
    report, failure = shell.run({"make": MAKE, "use": USE}, N)
    assert failure is None
    words, lines = report.outputs
    assert words["uri"].startswith(f"s3://bucket/root/shell/{report.run_id}/make/")
    assert words["uri"].endswith("/words")
    assert (_stored(shell, words["uri"]) / "words.txt").read_text() == "1\n2\n3\n"
    assert _stored(shell, lines["uri"]).read_text().strip() == "3"
    assert report.parameters == [{"step": "make", "name": "count", "value": 3}]
    assert not (shell.work / "local" / "make").exists()


def test_executor_input_is_that_of_the_launcher(shell: Shell) -> None:
    """As protojson writes it; what is taken in has been through ML Metadata."""
    tasks = {
        "make": MAKE,
        "use": task(
            'echo "$0"',
            "{{$}}",
            takes={"words": "make.words"},
            parameters={
                "count": ">make.count",
                "half": 0.5,
                "text": 3.0,
                "names": ["a", 1.0],
                "job": "{{$.pipeline_task_name}}",
            },
            types={"count": "NUMBER_INTEGER", "half": "NUMBER_DOUBLE", "names": "LIST"},
        ),
    }
    report, failure = shell.run(tasks, N)
    assert failure is None
    (words,) = report.outputs
    told = _printed(shell, "use")
    assert told["inputs"]["parameterValues"] == {
        "count": 3, "half": 0.5, "job": "use", "names": ["a", 1], "text": "3"
    }  # fmt: skip
    (artifact,) = told["inputs"]["artifacts"]["words"]["artifacts"]
    assert artifact["uri"] == words["uri"]
    assert artifact["type"] == {"instanceSchema": ""}
    assert artifact["metadata"]["display_name"] == "words"
    (log,) = told["outputs"].pop("artifacts")["executor-logs"]["artifacts"]
    assert log["name"] == "executor-logs"
    assert log["type"] == {"schemaTitle": "system.Artifact"}
    assert log["uri"].endswith("/executor-logs")
    assert set(told["outputs"]) == {"outputFile"}


def test_executor_logs_hold_what_the_container_printed(shell: Shell) -> None:
    """KFP's driver adds this output to every container task, and the launcher writes it beside the declared ones."""
    flaky = task('[ -e "$0" ] || { touch "$0"; echo first; exit 1; }; echo to stdout; echo to stderr >&2', "tried")
    flaky["executor"]["container"]["args"] = [str(shell.folder / "tried")]
    flaky["task"]["retryPolicy"] = {"maxRetryCount": 1, "backoffMaxDuration": "60s"}
    report, failure = shell.run({"flaky": flaky})
    assert failure is None
    assert report.outputs == []  # it belongs to no component's outputs; `steps` name the log of all attempts
    (log,) = shell.storage.rglob("executor-logs")
    assert log.read_text() == "to stdout\nto stderr\n"  # of the attempt that succeeded
    log.unlink()
    assert shell.states() == {"flaky": "kept"}


def test_outputs_are_told_with_type_and_uri(shell: Shell) -> None:
    tasks = {
        "make": task('echo x > "$1"; echo "$0"', "{{$}}", "{{$.outputs.artifacts['words'].path}}", makes=("words",))
    }
    report, _ = shell.run(tasks)
    (artifact,) = _printed(shell, "make")["outputs"]["artifacts"]["words"]["artifacts"]
    assert artifact == {"name": "words", "type": DATASET, "uri": report.outputs[0]["uri"]}
    file = _printed(shell, "make")["outputs"]["outputFile"]
    assert file.endswith(report.outputs[0]["uri"].removeprefix("s3://").replace("/words", "/output_metadata.json"))


SAYS = """
mkdir -p "$(dirname "$0")" && echo x > "$1"
printf '{"artifacts": {"words": {"artifacts": [{"metadata":
{"rows": 3, "ok": true, "names": ["a"], "about": {"k": 1}, "pushed_version": "7"}}]}},
"parameterValues": {"count": 9}}' > "$0"
"""


def _says() -> dict[str, Any]:
    script = SAYS.replace('"$0"', '"$(printf %s "$0" | sed \'s/.*"outputFile": "\\([^"]*\\)"}}$/\\1/\')"')
    return task(
        script, "{{$}}", "{{$.outputs.artifacts['words'].path}}", makes=("words",), says={"count": "NUMBER_INTEGER"}
    )


def test_executor_output_is_merged_and_outdoes_files(shell: Shell) -> None:
    tasks = {"make": _says(), "use": task('echo "$0"', "{{$}}", takes={"words": "make.words"})}
    report, failure = shell.run(tasks)
    assert failure is None
    assert report.parameters == [{"step": "make", "name": "count", "value": 9}]
    assert report.pushed == [{"step": "make", "version": "7"}]
    (artifact,) = _printed(shell, "use")["inputs"]["artifacts"]["words"]["artifacts"]
    told = {name: value for name, value in artifact["metadata"].items() if name != "store_session_info"}
    # ML Metadata knows no truth values, lists or objects.
    assert told == {
        "display_name": "words", "rows": 3, "ok": 1, "names": {"list": ["a"]}, "about": {"struct": {"k": 1}},
        "pushed_version": "7",
    }  # fmt: skip


def test_a_path_that_was_not_given_is_not_there(shell: Shell) -> None:
    """A task that guesses where another's artifact is finds nothing, as on a cluster."""
    guess = 'cat "$PLUMBLINE_MOUNT"/s3/bucket/root/shell/*/make/*/words/words.txt'
    given = task(guess, takes={"words": "make.words"})
    assert shell.states({"make": MAKE, "use": given}, N)["use"] == "done"
    says = shell.fails({"make": MAKE, "use": task(guess, dependentTasks=["make"])}, N)
    assert "No such file or directory" in says


def test_environment_is_what_the_spec_says(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSAID", "1")
    monkeypatch.setenv("SECRET_KEY", "hush")
    tasks = {"make": task("env", container={"env": [{"name": "SAID", "value": "x y"}]})}
    secret = {"secretName": "store", "keyToEnv": [{"secretKey": "key", "envVar": "SECRET_KEY"}]}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"run-make": {"secretAsEnv": [secret]}}}}}}
    write(shell.path, document(tasks), platform)
    assert shell.run(env=["MORE=1"])[1] is None
    lines = set((shell.work / "logs" / "make.log").read_text().splitlines())
    assert {"SAID=x y", "SECRET_KEY=hush", "MORE=1"} <= lines
    assert not any(line.startswith("UNSAID") for line in lines)
    assert not any("hush" in file.read_text() for file in shell.work.rglob("*.json"))
    monkeypatch.delenv("SECRET_KEY")
    with pytest.raises(
        Exception, match="task make: SECRET_KEY comes from key key of secret store; give --env SECRET_KEY=VALUE"
    ):
        shell.run()


def test_a_second_run_keeps_what_is_done(shell: Shell) -> None:
    assert shell.states({"make": MAKE, "use": USE}, N) == {"make": "done", "use": "done"}
    assert shell.states() == {"make": "kept", "use": "kept"}


def test_what_changed_runs_again_and_what_follows_from_it(shell: Shell) -> None:
    tasks = {"make": MAKE, "use": USE, "apart": task("true")}
    shell.states(tasks, N)
    assert shell.states(parameters={"n": "4"}) == {"make": "done", "use": "done", "apart": "kept"}
    changed = {
        **tasks,
        "use": task(
            "cat $0/words.txt >$1",
            *USE["executor"]["container"]["args"],
            takes={"words": "make.words"},
            makes=("lines",),
        ),
    }
    assert shell.states(changed, N, parameters={"n": "4"}) == {"make": "kept", "use": "done", "apart": "kept"}


def test_a_lost_artifact_is_made_again(shell: Shell) -> None:
    report, _ = shell.run({"make": MAKE, "use": USE}, N)
    (_stored(shell, report.outputs[0]["uri"]) / "words.txt").unlink()
    assert shell.states() == {"make": "done", "use": "done"}


def test_fresh_forgets(shell: Shell) -> None:
    first, _ = shell.run({"make": MAKE, "use": USE}, N)
    second, _ = shell.run(fresh=True)
    assert {step.state for step in second.steps} == {"done"}
    assert second.run_id != first.run_id


def test_a_plain_folder_as_root(shell: Shell) -> None:
    root = shell.folder / "root"
    report, failure = shell.run({"make": MAKE, "use": USE}, N, root=str(root), storage=None)
    assert failure is None
    assert (Path(report.outputs[0]["uri"]) / "words.txt").read_text() == "1\n2\n3\n"
    assert report.work == str(root / ".dry-run" / "shell")


def test_retries_until_it_works(shell: Shell) -> None:
    tries = shell.folder / "tries"
    script = f'echo x >> {tries}; test "$(wc -l < {tries})" -ge 3'
    policy = {"maxRetryCount": 3, "backoffDuration": "0s", "backoffFactor": 2.0, "backoffMaxDuration": "3600s"}
    report, failure = shell.run({"make": task(script, retryPolicy=policy)})
    assert failure is None
    assert report.steps[0].attempts == 3
    assert len(tries.read_text().split()) == 3


@pytest.mark.parametrize(
    ("script", "window"),
    [
        ("exit 1", {}),  # KFP hands Argo a limit of 0 s then
        ("sleep 1.1; exit 1", {"backoffMaxDuration": "1s"}),  # of all attempts together, not of a wait
    ],
)
def test_no_retry_after_the_window_for_retries(shell: Shell, script: str, window: dict[str, str]) -> None:
    report, failure = shell.run({"make": task(script, retryPolicy={"maxRetryCount": 3, **window})})
    assert failure is not None
    assert report.steps[0].attempts == 1


def test_importer_takes_in_what_is_there(shell: Shell) -> None:
    place = shell.storage / "gs" / "other" / "data.csv"
    place.parent.mkdir(parents=True)
    place.write_text("a\n")
    imports = task("", makes=("words",))
    imports["executor"] = {"importer": {"artifactUri": {"constant": "gs://other/data.csv"}, "typeSchema": DATASET}}
    reads = task('cat "$0"', "{{$.inputs.artifacts['words'].path}}", takes={"words": "make.words"})
    assert shell.states({"make": imports, "use": reads}) == {"make": "done", "use": "done"}
    assert (shell.work / "logs" / "use.log").read_text().endswith("\na\n")


def test_a_part_that_is_there_if_an_input_is(shell: Shell) -> None:
    word = json.dumps(
        {"IfPresent": {"InputName": "n", "Then": ["--n", "{{$.inputs.parameters['n']}}"], "Else": "none"}}
    )
    one = task('echo "$0" "$@"', word, parameters={"n": "<n"})
    one["component"]["inputDefinitions"]["parameters"]["n"]["isOptional"] = True
    optional = {"n": {"parameterType": "STRING", "isOptional": True}}
    assert shell.states({"make": one}, optional, parameters={"n": "5"}) == {"make": "done"}
    assert (shell.work / "logs" / "make.log").read_text().endswith("\n--n 5\n")
    assert shell.states({"make": one}, optional) == {"make": "done"}
    assert (shell.work / "logs" / "make.log").read_text().endswith("\nnone\n")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"m": "1"}, "--param m: legal: n"),
        ({"n": "many"}, "--param n=many: expected NUMBER_INTEGER"),
        ({}, "parameter n has no default; give --param n=VALUE"),
    ],
)
def test_parameters_that_do_not_fit(shell: Shell, given: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        shell.run({"make": MAKE}, {"n": {"parameterType": "NUMBER_INTEGER"}}, parameters=given)


def test_command_line(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    write(shell.path, document({"make": _says(), "use": task("exit 3", dependentTasks=["make"])}))
    arguments = ["dry-run", str(shell.path), "--no-image", "--storage", str(shell.storage), "--json"]
    assert main(arguments) == 3
    out, err = capsys.readouterr()
    assert [(step["name"], step["state"]) for step in json.loads(out)["steps"]] == [("make", "done"), ("use", "failed")]
    assert err.splitlines()[-1].startswith("plumbline: task use: exit code 3: it printed nothing; log: ")
    write(shell.path, document({"make": _says()}))
    assert main(arguments[:-1]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "pushed version 7 (make)"
    assert "make                 kept" in err
