"""Every profile comes out as options that Beam itself knows, with the values that were set."""

from typing import Any

import pytest
from pydantic import ValidationError

from components.shared.errors import ConfigError
from pipeline.settings.beam_arguments import JOB_SERVER_VARIABLE, WORKERS_VARIABLE, Endpoints, beam_args, run_args
from pipeline.settings.sections.beam import BeamSection

DATAFLOW = {"project": "acme", "region": "europe-west4", "temp_location": "gs://bucket/tmp/", "image": "host/image:1"}
STARTED = Endpoints("127.0.0.1:1111", "127.0.0.1:2222")


def parsed(arguments: list[str]) -> dict[str, Any]:
    """As Beam reads them; fails if there is one that it does not know."""
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions(arguments)
    known: dict[str, Any] = options.get_all_options()
    names = {argument.removeprefix("--").split("=")[0] for argument in arguments}
    assert {name.removeprefix("no_") for name in names} <= {name.removeprefix("no_") for name in known}
    return known


def test_local_is_one_process_of_the_runner_that_downloads_nothing() -> None:
    options = parsed(beam_args(BeamSection()))
    assert options["runner"] == "FnApiRunner"
    assert options["direct_running_mode"] == "in_memory"
    assert options["direct_num_workers"] == 1


def test_local_with_several_processes() -> None:
    options = parsed(beam_args(BeamSection.model_validate({"local": {"processes": 3}})))
    assert options["direct_running_mode"] == "multi_processing"
    assert options["direct_num_workers"] == 3


def test_flink_goes_to_what_the_run_has_started() -> None:
    options = parsed(beam_args(BeamSection.model_validate({"profile": "flink", "flink": {"parallelism": 7}}), STARTED))
    assert options["runner"] == "PortableRunner"
    assert options["job_endpoint"] == "127.0.0.1:1111"
    assert options["environment_type"] == "EXTERNAL"
    assert options["environment_config"] == "127.0.0.1:2222"
    assert options["parallelism"] == 7


@pytest.mark.parametrize("profile", ["flink", "spark"])
def test_addresses_in_the_settings_need_nothing_started(profile: str) -> None:
    named = {"job_server": "beam-job-server:8099", "workers": "localhost:50000"}
    options = parsed(beam_args(BeamSection.model_validate({"profile": profile, profile: named})))
    assert options["job_endpoint"] == "beam-job-server:8099"
    assert options["environment_config"] == "localhost:50000"


@pytest.mark.parametrize("profile", ["flink", "spark"])
def test_without_addresses_and_nothing_started(profile: str) -> None:
    with pytest.raises(ConfigError, match=rf"\[beam\] {profile}.job_server: missing"):
        beam_args(BeamSection.model_validate({"profile": profile}))
    with pytest.raises(ConfigError, match=rf"\[beam\] {profile}.workers: missing"):
        beam_args(BeamSection.model_validate({"profile": profile, profile: {"job_server": "here:1"}}))


def test_dataflow_passes_beams_own_check() -> None:
    from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

    more = {"public_ips": False, "machine_type": "n2-standard-4", "service_account": "me@acme", "max_workers": 5}
    arguments = beam_args(BeamSection.model_validate({"profile": "dataflow", "dataflow": {**DATAFLOW, **more}}))
    options = parsed(arguments)
    assert options["runner"] == "DataflowRunner"
    assert options["temp_location"] == "gs://bucket/tmp/temp"
    assert options["staging_location"] == "gs://bucket/tmp/staging"
    assert options["sdk_container_image"] == "host/image:1"
    assert options["use_public_ips"] is False
    assert options["max_num_workers"] == 5
    assert options["machine_type"] == "n2-standard-4"
    cloud = PipelineOptions(arguments).view_as(GoogleCloudOptions)
    assert (cloud.project, cloud.region, cloud.service_account_email) == ("acme", "europe-west4", "me@acme")


@pytest.mark.parametrize("key", DATAFLOW)
def test_dataflow_without_what_it_needs(key: str) -> None:
    with pytest.raises(ValidationError, match=rf"dataflow.{key}: missing"):
        BeamSection.model_validate({"profile": "dataflow", "dataflow": {**DATAFLOW, key: ""}})


def test_own_arguments_come_last_and_win() -> None:
    options = parsed(beam_args(BeamSection.model_validate({"args": ["--direct_num_workers=2"]})))
    assert options["direct_num_workers"] == 2


def test_tfx_packs_no_sources_for_workers_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from tfx.utils import dependency_utils

    def packed() -> str:
        raise AssertionError("TFX builds a package")

    monkeypatch.setattr(dependency_utils, "build_ephemeral_package", packed)
    for settings in ({}, {"profile": "flink"}, {"profile": "spark"}, {"profile": "dataflow", "dataflow": DATAFLOW}):
        arguments = beam_args(BeamSection.model_validate(settings), STARTED)
        assert dependency_utils.make_beam_dependency_flags(arguments) == arguments


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"profile": "dask"}, "'local', 'flink', 'spark' or 'dataflow'"),
        ({"args": ["runner=FlinkRunner"]}, "is no Beam option"),
        ({"flink": {"master": "cluster"}}, "should match pattern"),
        ({"flink": {"workers": "50000"}}, "should match pattern"),
        ({"flink": {"job_server": "a:1", "job_server_jar": "b.jar"}}, "take one of the two out"),
        ({"flink": {"version": "1.9"}}, "'1.19'"),
        ({"dataflow": {"temp_location": "s3://bucket"}}, "should match pattern"),
    ],
)
def test_settings_that_cannot_be(table: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        BeamSection.model_validate(table)


def test_only_workers_of_our_own_see_our_files() -> None:
    assert BeamSection().shares_disk
    assert BeamSection.model_validate({"profile": "flink"}).shares_disk
    assert not BeamSection.model_validate({"profile": "flink", "flink": {"workers": "localhost:50000"}}).shares_disk
    assert not BeamSection.model_validate({"profile": "dataflow", "dataflow": DATAFLOW}).shares_disk


@pytest.mark.slow
def test_a_runs_addresses_are_no_part_of_tfx_cache_keys() -> None:
    from tfx.dsl.placeholder.placeholder_base import Placeholder

    flink = BeamSection.model_validate({"profile": "flink", "args": ["--job_endpoint=chosen:1"]})
    one, other = run_args(flink, STARTED), run_args(flink, Endpoints("127.0.0.1:3", "127.0.0.1:4"))
    encoded = [[part.encode() if isinstance(part, Placeholder) else part for part in found] for found in (one, other)]
    assert encoded[0] == encoded[1]
    assert sum(isinstance(part, Placeholder) for part in one) == 2
    assert {JOB_SERVER_VARIABLE, WORKERS_VARIABLE} <= set("".join(map(str, encoded[0])).split('"'))
    assert one[-1] == "--job_endpoint=chosen:1"
    assert run_args(BeamSection(), Endpoints()) == beam_args(BeamSection())
