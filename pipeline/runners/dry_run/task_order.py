"""Which task waits for which (argocompiler/dag.go), and an order in which none has to wait."""

from components.shared.errors import ConfigError
from pipeline.runners.dry_run.spec import Spec, Task


def producers(task: Task) -> dict[str, tuple[str, str, str]]:
    """What a task takes from others: "artifact x" or "parameter x" -> producer, kind, key of its output."""
    found = {}
    for kind, word in (("parameters", "Parameter"), ("artifacts", "Artifact")):
        for name, source in task.inputs(kind).items():
            taken = source.get(f"taskOutput{word}")
            if taken is not None:
                key = taken.get(f"output{word}Key", "")
                found[f"{word.lower()} {name}"] = (taken.get("producerTask", ""), kind, key)
    return found


def waits_for(task: Task) -> set[str]:
    """The tasks that must be done first: said to be, or because something is taken from them."""
    return {*task.spec.get("dependentTasks", []), *(producer for producer, _, _ in producers(task).values())}


def in_order(spec: Spec) -> list[Task]:
    """All tasks, each after those that it waits for; by name where the spec leaves it open.

    Raises:
      ConfigError: Tasks wait for each other.
    """
    waiting = {name: spec.task(name) for name in sorted(spec.task_specs)}
    ordered: list[Task] = []
    done: set[str] = set()
    while waiting:
        ready = next((name for name, task in waiting.items() if waits_for(task) <= done), None)
        if ready is None:
            raise ConfigError(f"{spec.path}: tasks wait for each other: {' -> '.join(_cycle(waiting))}")
        ordered.append(waiting.pop(ready))
        done.add(ready)
    return ordered


def _cycle(waiting: dict[str, Task]) -> list[str]:
    """Follows who waits for whom until a task comes up again."""
    path = [next(iter(waiting))]
    while True:
        following = min(waits_for(waiting[path[-1]]) & waiting.keys())
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
