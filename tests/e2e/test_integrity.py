"""After damage to artifacts or metadata, the next run gives correct results and reports the damage."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.shared.artifacts import integrity
from tests.e2e.project import Project, Result

EPOCHS = iter(range(5, 50))


@pytest.fixture(scope="module")
def cold(project: Project) -> Result:
    result = project.run()
    assert result.code == 0, result.err
    return result


def artifacts(project: Project) -> list[str]:
    return sorted(str(path) for path in (project.home / "artifacts").glob("[!.]*/[!.]*/[0-9]*"))


def newest_examples(project: Project) -> Path:
    folders = (project.home / "artifacts" / "ArrowExampleGen" / "examples").iterdir()
    return max(folders, key=lambda path: path.stat().st_mtime_ns)


def trained_anew(project: Project, *arguments: str) -> Result:
    """Runs the pipeline: examples come from the cache if undamaged, and the model is trained again."""
    project.set("[training] epochs", str(next(EPOCHS)))
    result = project.run(*arguments)
    assert result.code == 0, result.err
    return result


def manifest(project: Project, result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (project.home / "registry" / str(result.summary["pushed"]) / "manifest.json").read_text()
    )
    return found


def flip(file: Path, *, keep_time: bool) -> None:
    stat = file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    if keep_time:
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_every_artifact_is_recorded_and_still_whole_after_the_run(cold: Result, project: Project) -> None:
    assert cold.summary["integrity"] == []
    found = artifacts(project)
    assert len(found) > 12
    for uri in found:
        made = integrity.load_record(uri)
        assert made is not None, uri
        assert integrity.check_artifact(uri, made, digests=True) == [], uri


def test_rows_are_those_that_were_read(cold: Result, project: Project) -> None:
    (examples,) = (uri for uri in artifacts(project) if "ArrowExampleGen" in uri)
    written = json.loads((Path(examples) / "rows.json").read_text())["rows"]
    assert len(written["Split-train"]) == 2
    assert cold.summary["rows"] == {split: sum(written[f"Split-{split}"].values()) for split in ("train", "eval")}
    assert manifest(project, cold)["rows"] == cold.summary["rows"]


def test_a_lost_shard_is_made_again_before_anything_is_trained_on_the_rest(cold: Result, project: Project) -> None:
    examples = newest_examples(project)
    shard = sorted((examples / "Split-train").iterdir())[0]
    shard.unlink()
    result = trained_anew(project)
    (line,) = result.summary["integrity"]
    assert line.startswith(f"damaged: ArrowExampleGen.examples ({examples}): Split-train/{shard.name} is missing")
    assert line.endswith("and produced again") and line in result.err
    assert "ArrowExampleGen" in result.states("executed")
    assert result.summary["rows"] == cold.summary["rows"]
    assert (project.home / "set-aside" / "ArrowExampleGen" / "examples" / examples.name).is_dir()


@pytest.mark.long
@pytest.mark.parametrize("keep_time", [False, True])
def test_a_flipped_byte_is_found(cold: Result, project: Project, keep_time: bool) -> None:
    flip(sorted((newest_examples(project) / "Split-train").iterdir())[0], keep_time=keep_time)
    result = trained_anew(project, *(["--verify"] if keep_time else []))
    (line,) = result.summary["integrity"]
    assert "has other bytes than were written" in line
    assert result.summary["rows"] == cold.summary["rows"]


@pytest.mark.long
def test_a_damaged_result_of_a_run_with_nothing_to_do_is_made_again(cold: Result, project: Project) -> None:
    again = project.run()
    assert again.states("cached") == {component["id"] for component in again.summary["components"]}
    folder = max(
        (project.home / "artifacts" / "ErrorAnalysis" / "errors").iterdir(), key=lambda path: path.stat().st_mtime_ns
    )
    (folder / "errors.json").write_text("{}")
    result = project.run()
    assert result.code == 0, result.err
    assert len(result.summary["integrity"]) == 1
    assert "ErrorAnalysis" in result.states("executed")
    assert "Trainer" in result.states("cached")
    assert project.run().summary["integrity"] == []


def test_lost_metadata_mixes_no_old_files_with_new_ones(cold: Result, project: Project) -> None:
    before = {uri: integrity.load_record(uri) for uri in artifacts(project)}
    (project.home / "metadata.sqlite").unlink()
    result = project.run()
    assert result.code == 0, result.err
    (line,) = result.summary["integrity"]
    assert line.startswith("the metadata is new, but artifacts of an earlier store exist (was it lost?)")
    assert "backups/metadata-" in line
    assert result.summary["rows"] == cold.summary["rows"]
    for uri, made in before.items():
        assert made is not None
        assert integrity.check_artifact(uri, made, digests=True) == [], uri
    assert project.run().summary["integrity"] == []


@pytest.mark.long
def test_an_older_copy_of_the_metadata_overwrites_nothing(cold: Result, project: Project) -> None:
    oldest = sorted((project.home / "backups").glob("metadata-*.sqlite"))[-1]
    trained_anew(project)
    before = {uri: integrity.load_record(uri) for uri in artifacts(project)}
    shutil.copy(oldest, project.home / "metadata.sqlite")
    result = trained_anew(project)
    (line,) = result.summary["integrity"]
    assert line.startswith("the metadata ends with execution")
    for uri, made in before.items():
        assert made is not None
        assert integrity.check_artifact(uri, made, digests=True) == [], uri


@pytest.mark.long
def test_a_model_damaged_while_the_run_uses_it_is_made_again_by_the_same_command(
    cold: Result, project: Project
) -> None:
    project.set("[training] epochs", str(next(EPOCHS)))
    known = set((project.home / "artifacts" / "Trainer" / "model").iterdir())
    process = project.start("run", "--dataset", "flights", "--json")
    assert process.stderr is not None
    for line in process.stderr:
        if " Predictor " in line:  # evaluation, error analysis and push are still to come
            (model,) = set((project.home / "artifacts" / "Trainer" / "model").iterdir()) - known
            flip(model / "Format-Serving" / "saved_model.pb", keep_time=False)
            break
    out, err = process.communicate(timeout=600)
    result = Result(process.returncode, out, err)
    assert result.code == 0, err
    assert "damaged: Trainer.model" in err
    assert any("Trainer.model" in line for line in result.summary["integrity"])
    assert (project.home / "set-aside" / "Trainer" / "model" / model.name).is_dir()
    assert "Trainer" in result.states("executed")
    assert "ArrowExampleGen" in result.states("cached")
    assert not model.exists()
