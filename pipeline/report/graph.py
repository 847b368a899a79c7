"""A run's steps as a drawn graph."""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from pipeline.report.draw import framed
from pipeline.report.facts import Step
from pipeline.report.words import seconds

BOX, TALL = 122, 44


def layers(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps by the longest way to them from a step without inputs; within a layer near the steps they take from."""
    depth: dict[str, int] = {}
    for step in steps:  # they come in topological order
        depth[step.id] = 1 + max((depth[input_] for input_ in step.inputs if input_ in depth), default=-1)
    found: list[list[Step]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for step in steps:
        found[depth[step.id]].append(step)
    place: dict[str, float] = {}
    for layer in found:
        layer.sort(key=lambda step: _middle([place[input_] for input_ in step.inputs if input_ in place]))
        for index, step in enumerate(layer):
            place[step.id] = index - (len(layer) - 1) / 2
    return found


def drawn_edges(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """(from, to) without those that only shorten a longer way: the smallest graph with the same order."""
    above: dict[str, set[str]] = {}
    for step in steps:
        above[step.id] = set(step.inputs).union(*(above.get(input_, set()) for input_ in step.inputs))
    return [
        (input_, step.id)
        for step in steps
        for input_ in step.inputs
        if not any(input_ in above.get(other, set()) for other in step.inputs if other != input_)
    ]


def graph(steps: Sequence[Step], down: bool) -> Markup | None:
    """The graph as SVG; None without edges.

    Args:
      steps: In the order in which they ran. Those that were skipped are left out.
      down: From top to bottom, for a narrow page; else from left to right.
    """
    ran = [step for step in steps if step.state != "skipped"]
    edges = drawn_edges(ran)
    if not edges:
        return None
    found = layers(ran)
    # Between boxes: along the way of the data, and across it.
    along, across = (30, 8) if down else (56, 18)
    step_along = (TALL if down else BOX) + along
    step_across = (BOX if down else TALL) + across
    most = max(len(layer) for layer in found)
    places: dict[str, tuple[float, float]] = {}
    for index, layer in enumerate(found):
        for at, step in enumerate(layer):
            aside = (at + (most - len(layer)) / 2) * step_across + 1
            places[step.id] = (aside, index * step_along + 1) if down else (index * step_along + 1, aside)
    long, broad = len(found) * step_along - along + 2, most * step_across - across + 2
    width, height = (broad, long) if down else (long, broad)
    inner = "".join(_edge(places[start], places[end], down) for start, end in edges)
    inner += "".join(_box(step, *places[step.id]) for step in ran)
    said = f"Graph of {len(ran)} steps: " + "; ".join(f"{start} to {end}" for start, end in edges)
    return framed(inner, width, height, said, "graph down" if down else "graph across")


def _edge(start: tuple[float, float], end: tuple[float, float], down: bool) -> str:
    if down:
        x1, y1, x2, y2 = start[0] + BOX / 2, start[1] + TALL, end[0] + BOX / 2, end[1] - 1
        bend = (y2 - y1) / 2
        return _way(x1, y1, x1, y1 + bend, x2, y2 - bend, x2, y2)
    x1, y1, x2, y2 = start[0] + BOX, start[1] + TALL / 2, end[0] - 1, end[1] + TALL / 2
    bend = (x2 - x1) / 2
    return _way(x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2)


def _way(*places: float) -> str:
    x1, y1, a, b, c, d, x2, y2 = (f"{place:.1f}".removesuffix(".0") for place in places)
    return (
        f'<path class="edge" d="M{x1},{y1}C{a},{b} {c},{d} {x2},{y2}"/>'
        f'<circle class="end" cx="{x2}" cy="{y2}" r="2.5"/>'
    )


def _box(step: Step, x: float, y: float) -> str:
    name = step.id if len(step.id) <= 18 else f"{step.id[:17]}…"
    state = seconds(step.seconds) if step.state == "executed" else step.state
    return (
        f'<g class="box {escape(step.state)}" '
        f'data-tip="{escape(step.id)}: {escape(step.state)}, {seconds(step.seconds)}">'
        f'<rect x="{x:g}" y="{y:g}" width="{BOX}" height="{TALL}" rx="6"/>'
        f'<text class="name" x="{x + BOX / 2:g}" y="{y + 19:g}" text-anchor="middle">{escape(name)}</text>'
        f'<text class="state" x="{x + BOX / 2:g}" y="{y + 34:g}" text-anchor="middle">{escape(state)}</text></g>'
    )


def _middle(places: Sequence[float]) -> float:
    return sum(places) / len(places) if places else 0.0
