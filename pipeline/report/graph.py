"""SVG graph of a run's steps."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from markupsafe import Markup

from components.shared.texts.svg import framed
from pipeline.report.facts import ReportStep
from pipeline.report.formatting import seconds

BOX, TALL = 122, 44
THIN = 10
"""Width of the gap for an edge that passes a layer; without it a box would cover the edge."""
SWEEPS = 4


def layers(steps: Sequence[ReportStep]) -> tuple[list[list[str]], list[list[str]]]:
    """Computes a layered drawing (K. Sugiyama et al., 1981).

    The layer of a step is the length of the longest path to it from a step without inputs. An edge that passes a layer
    has a dummy node there, with a name that no step has. Nodes within a layer are ordered by the mean position of their
    neighbours, in alternating downward and upward sweeps.

    Args:
      steps: In topological order.

    Returns:
      The names in each layer, and for each drawn edge its path from step to step, dummy nodes included.
    """
    depth: dict[str, int] = {}
    for step in steps:
        depth[step.id] = 1 + max((depth[input_] for input_ in step.inputs if input_ in depth), default=-1)
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for step in steps:
        found[depth[step.id]].append(step.id)
    ways = []
    for start, end in drawn_edges(steps):
        passed = [f"{start}\n{end}\n{at}" for at in range(depth[start] + 1, depth[end])]
        for at, name in enumerate(passed, depth[start] + 1):
            found[at].append(name)
        ways.append([start, *passed, end])
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for way in ways:
        for one, other in pairwise(way):
            above.setdefault(other, []).append(one)
            below.setdefault(one, []).append(other)
    for sweep in range(2 * SWEEPS + 1):
        near = below if sweep % 2 else above
        place: dict[str, float] = {}
        for layer in reversed(found) if sweep % 2 else found:
            own = dict(zip(layer, _centred(layer), strict=True))
            layer.sort(key=lambda name: _mean([place[other] for other in near.get(name, ())], own[name]))
            place |= zip(layer, _centred(layer), strict=True)
    return found, ways


def drawn_edges(steps: Sequence[ReportStep]) -> list[tuple[str, str]]:
    """Returns the edges (from, to) of the transitive reduction of the graph."""
    above: dict[str, set[str]] = {}
    for step in steps:
        above[step.id] = set(step.inputs).union(*(above.get(input_, set()) for input_ in step.inputs))
    return [
        (input_, step.id)
        for step in steps
        for input_ in step.inputs
        if not any(input_ in above.get(other, set()) for other in step.inputs if other != input_)
    ]


def graph(steps: Sequence[ReportStep], down: bool) -> Markup | None:
    """Draws the graph as SVG; None without edges.

    Args:
      steps: In the order of execution; skipped steps are omitted.
      down: Draw from top to bottom, for a narrow page, instead of from left to right.
    """
    ran = [step for step in steps if step.state != "skipped"]
    if not drawn_edges(ran):
        return None
    found, ways = layers(ran)
    by_id = {step.id: step for step in ran}
    # Sizes along and across the direction of the data flow.
    long_side, broad_side = (TALL, BOX) if down else (BOX, TALL)
    along, across = (30, 8) if down else (56, 18)
    broad = {name: broad_side if name in by_id else THIN for layer in found for name in layer}
    broads = [sum(broad[name] + across for name in layer) - across for layer in found]
    places: dict[str, tuple[float, float]] = {}
    for index, layer in enumerate(found):
        aside = (max(broads) - broads[index]) / 2 + 1
        for name in layer:
            places[name] = (index * (long_side + along) + 1, aside)
            aside += broad[name] + across
    long = len(found) * (long_side + along) - along + 2
    width, height = (max(broads) + 2, long) if down else (long, max(broads) + 2)
    middles = {name: (at, aside + broad[name] / 2) for name, (at, aside) in places.items()}
    inner = "".join(_edge([middles[name] for name in way], long_side, down) for way in ways)
    inner += "".join(_box(step, *(places[name][::-1] if down else places[name])) for name, step in by_id.items())
    title = f"Graph of {len(ran)} steps: " + "; ".join(f"{way[0]} to {way[-1]}" for way in ways)
    return framed(inner, width, height, title, "graph down" if down else "graph across")


def _edge(way: Sequence[tuple[float, float]], long_side: float, down: bool) -> str:
    """An edge: curves between layers, straight lines through the layers that it passes, a dot at its end."""

    def point(at: float, aside: float) -> str:
        return ",".join(f"{place:.1f}".removesuffix(".0") for place in ((aside, at) if down else (at, aside)))

    last = (way[-1][0] - 1, way[-1][1])
    path = ""
    for (at, aside), (to, aside_to) in pairwise([*way[:-1], last]):
        begin, middle = at + long_side, (at + long_side + to) / 2
        path += f"{'L' if path else 'M'}{point(begin, aside)}"
        path += f"C{point(middle, aside)} {point(middle, aside_to)} {point(to, aside_to)}"
    x, y = point(*last).split(",")
    return f'<path class="edge" d="{path}"/><circle class="end" cx="{x}" cy="{y}" r="2.5"/>'


def _box(step: ReportStep, x: float, y: float) -> str:
    name = step.id if len(step.id) <= 18 else f"{step.id[:17]}…"
    state = seconds(step.seconds) if step.state == "executed" else step.state
    return (
        f'<g class="box {escape(step.state)}" '
        f'data-tip="{escape(step.id)}: {escape(step.state)}, {seconds(step.seconds)}">'
        f'<rect x="{x:g}" y="{y:g}" width="{BOX}" height="{TALL}" rx="6"/>'
        f'<text class="name" x="{x + BOX / 2:g}" y="{y + 19:g}" text-anchor="middle">{escape(name)}</text>'
        f'<text class="state" x="{x + BOX / 2:g}" y="{y + 34:g}" text-anchor="middle">{escape(state)}</text></g>'
    )


def _centred(layer: Sequence[str]) -> list[float]:
    """Positions of a layer's nodes, with 0 in the middle."""
    return [index - (len(layer) - 1) / 2 for index in range(len(layer))]


def _mean(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise
