"""Makes photographs of steel sheets with surface defects, and the labels of two labelers who disagree, as span files.

    python -m data.steel [--out data/steel] [--spans 5] [--rows 1600] [--size 64] [--seed 7]
    python -m data.steel --sample DIR [--rows 100]     only the first photographs of the first two spans

Everything is drawn by program; no photograph is real. See data/README.md.
"""

import argparse
import dataclasses
import hashlib
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from components.shared.errors import UsageError
from components.shared.file_lock import locked
from components.shared.files import sha256, write_bytes
from data.image_files import encode_png, folder_digest, replace_folder
from data.span_manifest import check_owner, code_digest, read_manifest, span_name, span_numbers, write_manifest
from data.steel_labelers import first_labels
from data.steel_photos import photographs
from data.steel_sheets import NO_DEFECT, SpanPlan, plan_span

MADE_BY = "data.steel"
MODULES = ["steel", "steel_sheets", "steel_labelers", "steel_photos", "steel_textures", "steel_defects"]
MODULES += ["steel_shapes", "steel_random", "image_files"]
SAMPLE_SPANS, SAMPLE_ROWS = 2, 100
COLUMNS = ["photo_id", "photo", "sheet", "line", "camera", "thickness_mm", "temperature_c", "shift"]
COLUMNS += ["labeler_1", "labeler_2", "defect"]
TRUTH = "_truth.csv"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is made: number of spans, photographs per span, pixels per side, and the seed."""

    spans: int = 5
    rows: int = 1600
    size: int = 64
    seed: int = 7


@dataclasses.dataclass(frozen=True)
class SpanRecord:
    """An entry of spans.json.

    ``none_share`` is the share of photographs that are labelled ``none``, 0 to 1, rounded to 6 digits. Digests are
    hexadecimal SHA-256, of the photographs as ``data.image_files.folder_digest`` computes it.
    """

    span: int
    rows: int
    none_share: float
    bytes: int
    sha256: str
    photos_bytes: int
    photos_sha256: str


def span_rows(plan: SpanPlan) -> pd.DataFrame:
    """Returns ``COLUMNS`` of the photographs of a span, in order of time."""
    table = plan.table
    names = [f"{number:06d}" for number in table["number"]]
    rows = table.assign(
        photo_id=[f"P{plan.span:02d}-{name}" for name in names],
        photo=[f"photos/{plan.span:02d}/{name}.png" for name in names],
        sheet=[f"S{plan.span:02d}-{number:05d}" for number in table["sheet"]],
    )
    return rows.drop(columns="defect").join(first_labels(plan))[COLUMNS]


def truth_rows(plan: SpanPlan) -> pd.DataFrame:
    """Returns ``photo_id``, and ``defect`` by the written instruction with its drawn ``size`` and ``contrast``."""
    return plan.table.assign(photo_id=span_rows(plan)["photo_id"])[["photo_id", "defect", "size", "contrast"]]


def write_spans(out: Path, settings: Settings) -> tuple[list[SpanRecord], int]:
    """Writes every span, _truth.csv and spans.json to ``out``, unless they exist unchanged.

    spans.json is written after each span. So an interrupted call is completed by the next one, which keeps the spans
    that are whole. Other spans that an earlier call made are deleted.

    Returns:
      The records of the spans, and how many of them were written now.

    Raises:
      UsageError: The folder holds spans of something else.
      OSError: The folder cannot be written.
    """
    with locked(out / ".lock"):
        check_owner(out, MADE_BY)
        plans = {span: plan_span(settings.seed, span, settings.rows) for span in range(1, settings.spans + 1)}
        truth = _csv(pd.concat([truth_rows(plan) for plan in plans.values()]))
        origin = _origin(settings, truth)
        records = {span: record for span, record in _whole_spans(out, origin).items() if span in plans}
        missing = [span for span in plans if span not in records]
        unwanted = [span for span in span_numbers(out, ".csv") if span not in records]
        if not missing and not unwanted and (out / TRUTH).is_file() and sha256(out / TRUTH) == origin["truth_sha256"]:
            return [records[span] for span in plans], 0
        _write_manifest(out, origin, records)  # first, so that the folder is known as one of these
        for span in unwanted:
            _delete_span(out, span)
        write_bytes(out / TRUTH, truth)
        for span in missing:
            records[span] = _write_span(out, plans[span], settings.size)
            _write_manifest(out, origin, records)
        return [records[span] for span in plans], len(missing)


def _write_span(out: Path, plan: SpanPlan, size: int) -> SpanRecord:
    rows = span_rows(plan)
    content = _csv(rows)
    folder = _photo_folder(out, plan.span)
    replace_folder(folder, _photo_files(plan, size))
    write_bytes(out / f"{span_name(plan.span)}.csv", content)  # last: where the table is, its photographs are
    _, photos_bytes, photos_sha256 = folder_digest(folder)
    return SpanRecord(
        span=plan.span,
        rows=len(rows),
        none_share=round(float((rows["defect"] == NO_DEFECT).mean()), 6),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        photos_bytes=photos_bytes,
        photos_sha256=photos_sha256,
    )


def _photo_files(plan: SpanPlan, size: int) -> Iterator[tuple[str, bytes]]:
    for number, pixels in enumerate(photographs(plan, size)):
        yield f"{number:06d}.png", encode_png(pixels)


def _photo_folder(out: Path, span: int) -> Path:
    return out / "photos" / f"{span:02d}"


def _delete_span(out: Path, span: int) -> None:
    (out / f"{span_name(span)}.csv").unlink(missing_ok=True)  # first: no table without its photographs
    shutil.rmtree(_photo_folder(out, span), ignore_errors=True)


def _csv(rows: pd.DataFrame) -> bytes:
    return bytes(rows.to_csv(index=False, lineterminator="\n").encode())


def _origin(settings: Settings, truth: bytes) -> dict[str, Any]:
    """What decides on the files of a span and, of _truth.csv, its digest."""
    made = {"rows": settings.rows, "size": settings.size, "seed": settings.seed}
    digest = hashlib.sha256(truth).hexdigest()
    return {"made_by": MADE_BY, **made, "code_sha256": code_digest(*MODULES), "truth_sha256": digest}


def _write_manifest(out: Path, origin: dict[str, Any], records: dict[int, SpanRecord]) -> None:
    write_manifest(out, origin, [dataclasses.asdict(records[span]) for span in sorted(records)])


def _whole_spans(out: Path, origin: dict[str, Any]) -> dict[int, SpanRecord]:
    """The records in spans.json whose files match, if they were made from the same; _truth.csv holds all spans."""
    manifest = read_manifest(out)
    if any(manifest.get(key) != value for key, value in origin.items() if key != "truth_sha256"):
        return {}
    try:
        records = [SpanRecord(**entry) for entry in manifest["spans"]]
        return {record.span: record for record in records if _matches(out, record)}
    except (KeyError, TypeError):
        return {}  # in another format: the spans are written again


def _matches(out: Path, record: SpanRecord) -> bool:
    path = out / f"{span_name(record.span)}.csv"
    try:
        if path.stat().st_size != record.bytes or sha256(path) != record.sha256:
            return False
        found = folder_digest(_photo_folder(out, record.span))
    except OSError:
        return False
    return found == (record.rows, record.photos_bytes, record.photos_sha256)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; messages go to stderr.

    Args:
      arguments: Command-line arguments; None is those of this process.

    Returns:
      0 on success, 2 if the folder cannot be used.
    """
    default = Settings()
    parser = argparse.ArgumentParser(prog="python -m data.steel", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/steel"), help="folder of the spans (%(default)s)")
    parser.add_argument("--spans", type=int, metavar="N", help=f"number of spans ({default.spans}; of a sample 2)")
    parser.add_argument("--rows", type=int, metavar="N", help=f"photographs per span ({default.rows}; of a sample 100)")
    parser.add_argument("--size", type=int, default=default.size, metavar="N", help="pixels per side (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=default.seed, metavar="N", help="of all random numbers (%(default)s)"
    )
    parser.add_argument("--sample", type=Path, metavar="DIR", help="write only a sample of spans 1 and 2, to DIR")
    options = parser.parse_args(arguments)
    spans, rows = (SAMPLE_SPANS, SAMPLE_ROWS) if options.sample else (default.spans, default.rows)
    settings = Settings(
        spans=spans if options.spans is None else options.spans,
        rows=rows if options.rows is None else options.rows,
        size=options.size,
        seed=options.seed,
    )
    for name, least, most in (("spans", 1, 99), ("rows", 1, 999_999), ("size", 16, 1024), ("seed", 0, 2**32 - 1)):
        if not least <= getattr(settings, name) <= most:
            parser.error(f"--{name} {getattr(settings, name)}: give {least} to {most}")
    start = time.perf_counter()
    out = options.sample or options.out
    try:
        records, written = write_spans(out, settings)
    except OSError as exc:
        print(f"steel: cannot write {exc.filename}: {exc.strerror}; choose another folder", file=sys.stderr)
        return 2
    except UsageError as exc:
        print(f"steel: {exc}", file=sys.stderr)
        return 2
    state = f" ({len(records) - written} of them exist)" if 0 < written < len(records) else ""
    state = state if written else " (they exist)"
    photos = f"{sum(record.rows for record in records):,} photographs in {len(records)} spans in {out}"
    print(f"steel: {photos}{state}, {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
