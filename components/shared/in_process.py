"""Whether a Beam-based step may do its work in this process, without Beam."""

from collections.abc import Sequence

LOCAL_RUNNERS = ("FnApiRunner", "DirectRunner", "InProcessFnApiRunner", "BundleBasedDirectRunner")


def in_process(beam_args: Sequence[str]) -> bool:
    """Whether Beam's arguments, as `--name=value`, ask for its in-memory runner in one process.

    Beam would run such a job in this process, too, a job graph and its stages around the same work. Another runner, or
    several worker processes, are a choice that stands.
    """
    given = dict(argument.lstrip("-").partition("=")[::2] for argument in beam_args)
    return (
        given.get("runner", "") in LOCAL_RUNNERS
        and given.get("direct_running_mode", "in_memory") == "in_memory"
        and given.get("direct_num_workers", "1") == "1"
    )
