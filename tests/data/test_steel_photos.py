"""The pixels: the same however they are made; lit by batch, shift and camera; with a defect at its place."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from data import steel_photos
from data.steel_photos import light_of, photographs
from data.steel_sheets import SIZES, SpanPlan, plan_span

ROWS = 400


def _pixels(plan: SpanPlan, size: int = 64) -> np.ndarray:
    return np.stack(list(photographs(plan, size)))


@pytest.fixture(scope="module")
def plan() -> SpanPlan:
    """The first photographs of span 1."""
    return plan_span(7, 1, ROWS)


@pytest.fixture(scope="module")
def pixels(plan: SpanPlan) -> np.ndarray:
    """(ROWS, 64, 64)."""
    return _pixels(plan)


@pytest.fixture(scope="module")
def good(plan: SpanPlan) -> np.ndarray:
    """The same photographs without their defects."""
    return _pixels(SpanPlan(7, 1, plan.table.assign(defect="none")))


def test_pixels_are_8_bit_and_use_the_middle_of_the_scale(pixels: np.ndarray):
    assert (pixels.shape, pixels.dtype) == ((ROWS, 64, 64), np.uint8)
    assert 120 < pixels.mean() < 145 and 8 < pixels.std(axis=(1, 2)).mean() < 18
    assert (pixels == 255).mean() < 0.001


def test_another_process_draws_the_same(pixels: np.ndarray):
    program = (
        "import hashlib; from data.steel_sheets import plan_span; from data.steel_photos import photographs;"
        "print(hashlib.sha256(b''.join(p.tobytes() for p in photographs(plan_span(7, 1, 40), 64))).hexdigest())"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert found == hashlib.sha256(pixels[:40].tobytes()).hexdigest()


def test_number_of_photographs_and_order_of_drawing_do_not_matter(
    plan: SpanPlan, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(steel_photos, "CHUNK_PIXELS", 7 * 64 * 64)
    np.testing.assert_array_equal(_pixels(plan_span(7, 1, 20)), pixels[:20])
    backwards = SpanPlan(7, 1, plan.table[:20][::-1])
    np.testing.assert_array_equal(_pixels(backwards), pixels[:20][::-1])


def test_photographs_differ_by_span_and_seed(pixels: np.ndarray):
    for seed, span in ((7, 2), (8, 1)):
        assert (_pixels(plan_span(seed, span, 3)) != pixels[:3]).mean() > 0.5


@pytest.mark.parametrize("name", SIZES)
def test_a_defect_changes_its_place_and_not_the_rest(name: str, plan: SpanPlan, good: np.ndarray):
    rows = slice(0, 40)
    shown = SpanPlan(
        7, 1, plan.table[rows].assign(defect=name, size=SIZES[name][0], contrast=0.3, edge=1, x=0.0, y=0.0)
    )
    hidden = _pixels(SpanPlan(7, 1, shown.table.assign(defect="none")))
    change = np.abs(_pixels(shown).astype(float) - hidden)
    assert (change.max(axis=(1, 2)) > 25).all()  # 0.3 * 255 = 77, less what the camera blurs
    if name not in ("edge_crack", "weld_line"):  # these reach the border
        corners = change[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.max() <= 2


def test_contrast_scales_the_change(plan: SpanPlan):
    table = plan.table[:40].assign(defect="oil_spot", size=0.4, edge=0)
    plans = [SpanPlan(7, 1, table.assign(contrast=contrast)) for contrast in (0.0, 0.1, 0.2)]
    good, weak, strong = (_pixels(each).astype(float) for each in plans)
    assert (good - strong).sum() / (good - weak).sum() == pytest.approx(2, rel=0.05)


def test_grain_runs_in_the_direction_of_rolling(good: np.ndarray, plan: SpanPlan):
    inside = good[(plan.table["edge"] == 0).to_numpy()].astype(float)
    assert np.abs(np.diff(inside, axis=1)).mean() > 1.2 * np.abs(np.diff(inside, axis=2)).mean()


def test_photographs_of_a_sheet_resemble_each_other(good: np.ndarray, plan: SpanPlan):
    flat = good.reshape(ROWS, -1).astype(float)
    flat = (flat - flat.mean(axis=1, keepdims=True)) / flat.std(axis=1, keepdims=True)
    inside = (plan.table["edge"] == 0).to_numpy()
    sheet = plan.table["sheet"].to_numpy()
    pairs = [(i, i + 1) for i in range(ROWS - 1) if inside[i] and inside[i + 1]]
    same = np.mean([flat[i] @ flat[j] / flat.shape[1] for i, j in pairs if sheet[i] == sheet[j]])
    other = np.mean([flat[i] @ flat[j] / flat.shape[1] for i, j in pairs if sheet[i] != sheet[j]])
    assert same > other + 0.15


def test_night_is_darker_and_cameras_differ(plan: SpanPlan):
    table = plan.table[:60].assign(defect="none", edge=0, shift="day", camera="c1")
    day = _pixels(SpanPlan(7, 1, table)).astype(float)
    night = _pixels(SpanPlan(7, 1, table.assign(shift="night")))
    other = _pixels(SpanPlan(7, 1, table.assign(camera="c2"))).astype(float)
    assert night.mean() - day.mean() == pytest.approx(-14, abs=0.5)
    assert other.mean() - day.mean() == pytest.approx(6, abs=1.0)
    assert other.std(axis=(1, 2)).mean() < day.std(axis=(1, 2)).mean()


def test_light_fades_from_batch_to_batch_faster_each_time_and_stops():
    lights = [light_of(span) for span in range(1, 6)]
    assert (lights[0].offset, lights[0].gain) == (0, 1)
    steps = np.diff([light.offset for light in lights])
    assert (steps < 0).all() and steps[-1] == min(steps)
    assert lights[-1].offset == pytest.approx(-21.5, abs=0.1) and lights[-1].gain == pytest.approx(0.821, abs=0.001)
    assert light_of(99).offset == pytest.approx(-60) and light_of(99).gain == pytest.approx(0.5)


def test_last_batch_is_darker_with_less_contrast():
    tables = [plan_span(7, span, ROWS).table.assign(defect="none", edge=0) for span in (1, 5)]
    first, last = (_pixels(SpanPlan(7, span, table)) for span, table in zip((1, 5), tables, strict=True))
    assert last.mean() < first.mean() - 15
    assert 0.75 < last.std(axis=(1, 2)).mean() / first.std(axis=(1, 2)).mean() < 0.93  # gain 0.82; noise is the same


def test_size_changes_the_resolution_and_not_the_motif(plan: SpanPlan):
    table = plan.table[:30].assign(defect="oil_spot", size=0.4, contrast=0.3, edge=0)
    small, large = _pixels(SpanPlan(7, 1, table), 32), _pixels(SpanPlan(7, 1, table), 128)
    assert (small.shape, large.shape) == ((30, 32, 32), (30, 128, 128))
    places = np.array([np.unravel_index(_blocks(image).argmin(), (8, 8)) for image in (*small, *large)])
    assert (np.abs(places[:30] - places[30:]).max(axis=1) <= 1).mean() > 0.85


def _blocks(image: np.ndarray) -> np.ndarray:
    """Means of 8 x 8 areas."""
    side = len(image) // 8
    return image.reshape(8, side, 8, side).mean(axis=(1, 3))
