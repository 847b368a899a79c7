"""Sparklines (E. Tufte, 2006) as SVG of a few hundred bytes, so that a page can hold a thousand."""

from collections.abc import Sequence

from markupsafe import Markup

from components.shared.texts.svg import framed
from pipeline.report.facts import CategoryBar, Feature, NumberBar

WIDTH, HEIGHT = 84, 24
MAX_BARS = 10


def distribution_sparkline(feature: Feature) -> Markup:
    """Draws the distribution in train as grey bars and in eval as a blue line, on a common axis.

    Empty if the feature has no value.
    """
    train, now = ({**feature.splits}.get(split) for split in ("train", "eval"))
    splits = [side.bars if side else () for side in (train, now)]
    if not any(splits):
        return Markup("")
    shapes = _number_shapes(splits) if feature.kind == "number" else _category_shapes(splits)
    top = max((height for side in shapes for _, _, height in side), default=1.0) or 1.0
    bars = "".join(
        f'<rect x="{left * WIDTH:.1f}" y="{HEIGHT - height / top * (HEIGHT - 1):.1f}" '
        f'width="{max(0.8, (right - left) * WIDTH - 0.6):.1f}" height="{height / top * (HEIGHT - 1):.1f}"/>'
        for left, right, height in shapes[0]
        if height > 0
    )
    line = "".join(
        f"{'M' if place == 0 else 'L'}{left * WIDTH:.1f},{HEIGHT - height / top * (HEIGHT - 1):.1f}H{right * WIDTH:.1f}"
        for place, (left, right, height) in enumerate(shapes[1])
    )
    inner = f'<g class="baseline">{bars}</g>' + (f'<path class="current" d="{line}"/>' if line else "")
    return framed(inner, WIDTH, HEIGHT, f"{feature.name}: distribution in train and eval", "distribution")


Shape = list[tuple[float, float, float]]  # left and right in [0, 1], height


def _number_shapes(splits: Sequence[Sequence[NumberBar | CategoryBar]]) -> list[Shape]:
    numbers = [
        [bar for bar in side if isinstance(bar, NumberBar) and abs(bar.low) + abs(bar.high) < 1e300] for side in splits
    ]
    edges = [edge for side in numbers for bar in side for edge in (bar.low, bar.high)]
    if not edges:
        return [[], []]
    low, wide = min(edges), (max(edges) - min(edges)) or 1.0
    return [
        [
            ((bar.low - low) / wide, (bar.high - low) / wide, bar.share / max(bar.high - bar.low, wide / 100) * wide)
            for bar in side
        ]
        for side in numbers
    ]


def _category_shapes(splits: Sequence[Sequence[NumberBar | CategoryBar]]) -> list[Shape]:
    shares = [{bar.value: bar.share for bar in side if isinstance(bar, CategoryBar)} for side in splits]
    values = sorted({*shares[0], *shares[1]}, key=lambda value: (-max(s.get(value, 0.0) for s in shares), value))
    values = values[:MAX_BARS]
    step = 1 / len(values) if values else 1.0
    return [
        [(place * step, (place + 1) * step, side.get(value, 0.0)) for place, value in enumerate(values)] if side else []
        for side in shares
    ]


def history_chart(points: Sequence[tuple[int, float]], name: str, wide: bool = False) -> Markup | None:
    """Draws distance / threshold by span, with a dashed line at 1; None with fewer than two points.

    Args:
      points: (eval span, distance / threshold), by span.
      name: Name of the column.
      wide: Draw a larger chart with axis labels and tooltips.
    """
    if len(points) < 2:
        return None
    width, height, pad = (300, 130, 26) if wide else (WIDTH, HEIGHT, 3)
    top = max(1.25, *(ratio for _, ratio in points)) * 1.05
    first, last = points[0][0], points[-1][0]
    right = width - (10 if wide else pad)

    def place(span: int, ratio: float) -> tuple[float, float]:
        x = pad + (right - pad) * (span - first) / ((last - first) or 1)
        return x, height - (22 if wide else 2) - (height - (30 if wide else 4)) * min(ratio, top) / top

    places = [place(*point) for point in points]
    line = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    bar = place(first, 1.0)[1]
    inner = f'<path class="limit" d="M{pad},{bar:.1f}H{right}"/><path class="current" d="{line}"/>'
    if wide:
        # Every span has a tooltip; with many spans only some have an axis label.
        every = max(1, len(points) // 8)
        inner += f'<text x="{pad - 6}" y="{bar + 4:.1f}" text-anchor="end">1</text>'
        for index, ((x, y), (span, ratio)) in enumerate(zip(places, points, strict=True)):
            over = " over" if ratio > 1 else ""
            inner += (
                f'<circle class="dot{over}" cx="{x:.1f}" cy="{y:.1f}" r="4" '
                f'data-tip="span {span}: {ratio:.2f} of the threshold"/>'
            )
            if (len(points) - 1 - index) % every == 0:
                inner += f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{span}</text>'
    else:
        x, y = places[-1]
        over = " over" if points[-1][1] > 1 else ""
        inner += f'<circle class="dot{over}" cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>'
    values = ", ".join(f"span {span} {ratio:.2f}" for span, ratio in points[-6:])
    return framed(inner, width, height, f"{name}: distance / threshold, {values}", "history" if wide else "sparkline")


def share_bar(share: float, kind: str = "current") -> Markup:
    """Draws a bar of length `share` (in [0, 1]) of its cell; `kind` (current, baseline or alert) sets the colour."""
    width = 100 * min(max(share, 0.0), 1.0)
    return Markup(  # noqa: S704 - no text from data
        f'<span class="bar-track" aria-hidden="true"><i class="{kind}" style="width:{width:.1f}%"></i></span>'
    )
