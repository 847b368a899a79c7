"""Dependencies of tasks (argocompiler/dag.go) and their topological order."""

from components.shared.errors import ConfigError
from pipeline.runners.dry_run.spec import Spec, Task


def producers(task: Task) -> dict[str, tuple[str, str, str]]:
    """Returns a task's inputs from other tasks: "artifact x" or "parameter x" -> (producer, kind, output key)."""
    found = {}
    for kind, word in (("parameters", "Parameter"), ("artifacts", "Artifact")):
        for name, source in task.inputs(kind).items():
            taken = source.get(f"taskOutput{word}")
            if taken is not None:
                key = taken.get(f"output{word}Key", "")
                found[f"{word.lower()} {name}"] = (taken.get("producerTask", ""), kind, key)
    return found


def waits_for(task: Task) -> set[str]:
    """Returns the upstream tasks: those in `dependentTasks` and the producers of inputs."""
    return {*task.spec.get("dependentTasks", []), *(producer for producer, _, _ in producers(task).values())}


def in_order(spec: Spec) -> list[Task]:
    """Sorts the tasks topologically; independent tasks by name.

    Raises:
      ConfigError: The dependencies contain a cycle.
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
    """Follows dependencies until a task occurs twice."""
    path = [next(iter(waiting))]
    while True:
        following = min(waits_for(waiting[path[-1]]) & waiting.keys())
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
