"""Decides whether a Beam-based component may run in this process, without Beam."""

from collections.abc import Sequence

LOCAL_RUNNERS = ("FnApiRunner", "DirectRunner", "InProcessFnApiRunner", "BundleBasedDirectRunner")


def in_process(beam_args: Sequence[str]) -> bool:
    """Whether Beam's arguments, as `--name=value`, select its in-memory runner with a single worker.

    Beam would then run the job in this process, too, with additional cost for graph and stages. Other runners, and
    several workers, are the user's choice and are not replaced.
    """
    given = dict(argument.lstrip("-").partition("=")[::2] for argument in beam_args)
    return (
        given.get("runner", "") in LOCAL_RUNNERS
        and given.get("direct_running_mode", "in_memory") == "in_memory"
        and given.get("direct_num_workers", "1") == "1"
    )
