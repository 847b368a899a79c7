"""TFMA's plots as confusion matrices, and what follows from these: ROC, precision-recall, calibration.

TFMA's own reader imports TensorFlow (10 s). Its file is a TFRecord of `PlotsForSlice` protos; the few fields that are
read here are declared again under a name of our own, with TFMA's numbers, which is all that the wire format knows.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.report.facts import Matrix


def read_curves(evaluation: Path) -> dict[str, tuple[Matrix, ...]]:
    """The overall confusion matrices of each model.

    Args:
      evaluation: Folder that TFMA wrote.

    Returns:
      "candidate" and, where there was one, "champion" -> matrices by ascending threshold, those in [0, 1] alone. Empty
      for tasks without such plots.
    """
    found = {}
    for path in sorted(evaluation.glob("plots-*")):
        for record in _records(path):
            plots = _plots_class()()
            plots.ParseFromString(record)
            if plots.slice_key.parts or plots.HasField("cross_slice_key"):
                continue
            for plot in plots.plots:
                rows = [
                    Matrix(row.threshold, row.tp, row.fp, row.tn, row.fn)
                    for row in plot.value.matrices.rows
                    if 0 <= row.threshold <= 1
                ]
                if rows:
                    # TFMA leaves the model's name out where there is only one.
                    found[plot.key.model_name or "candidate"] = tuple(sorted(rows, key=lambda row: row.threshold))
    return found


def roc(matrices: Sequence[Matrix]) -> list[tuple[float, float]]:
    """(false positive rate, true positive rate), both in [0, 1], from (0, 0) to (1, 1)."""
    points = {(0.0, 0.0), (1.0, 1.0)}
    for row in matrices:
        if row.tp + row.fn and row.fp + row.tn:
            points.add((row.fp / (row.fp + row.tn), row.tp / (row.tp + row.fn)))
    return sorted(points)


def precision_recall(matrices: Sequence[Matrix]) -> list[tuple[float, float]]:
    """(recall, precision), both in [0, 1], by ascending threshold; where nothing is predicted there is none."""
    return [
        (row.tp / (row.tp + row.fn), row.tp / (row.tp + row.fp))
        for row in matrices
        if row.tp + row.fn and row.tp + row.fp
    ]


@dataclass(frozen=True)
class Bin:
    """Rows whose score lies in [low, high): how many, and the share that is positive, in [0, 1]; None if no row."""

    low: float
    high: float
    rows: float
    positive: float | None


def score_bins(matrices: Sequence[Matrix], bins: int = 10) -> list[Bin]:
    """A reliability diagram: of the rows with a score of about s, a calibrated model has the share s positive.

    Rows between two thresholds are those that are above the one and not above the other, so that differences of
    confusion matrices give exact counts; no plot of its own is needed. Bins are of equal width, on the nearest
    thresholds that were kept.
    """
    if len(matrices) < 2:
        return []
    edges = [min(matrices, key=lambda row, at=step / bins: abs(row.threshold - at)) for step in range(bins)]  # type: ignore[misc]
    nothing = Matrix(1.0, 0.0, 0.0, 0.0, 0.0)  # above 1 lies no score
    found = []
    for low, high in zip(edges, [*edges[1:], nothing], strict=True):
        positive, rows = low.tp - high.tp, low.tp + low.fp - high.tp - high.fp
        found.append(Bin(low.threshold, high.threshold, rows, positive / rows if rows > 0 else None))
    return found


def _records(path: Path) -> Iterator[bytes]:
    """A TFRecord file's records. Frame: length (8 bytes, little-endian), its CRC (4), the record, its CRC (4)."""
    content, at = path.read_bytes(), 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        yield content[at + 12 : at + 12 + length]
        at += 16 + length


@cache
def _plots_class() -> Any:
    """tensorflow_model_analysis.PlotsForSlice, as far as it is read here."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    double, text, message = field.TYPE_DOUBLE, field.TYPE_STRING, field.TYPE_MESSAGE
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    messages: dict[str, list[tuple[str, int, int, int, str]]] = {
        "Matrix": [
            (name, number, double, one, "")
            for name, number in (("threshold", 1), ("fn", 2), ("tn", 3), ("fp", 4), ("tp", 5))
        ],
        "Matrices": [("rows", 1, message, many, "Matrix")],
        "PlotData": [("matrices", 2, message, one, "Matrices")],
        "PlotKey": [("model_name", 4, text, one, "")],
        "Plot": [("key", 1, message, one, "PlotKey"), ("value", 2, message, one, "PlotData")],
        "Part": [("column", 1, text, one, "")],
        "SliceKey": [("parts", 1, message, many, "Part")],
        "PlotsForSlice": [
            ("slice_key", 1, message, one, "SliceKey"),
            ("cross_slice_key", 4, message, one, "SliceKey"),
            ("plots", 8, message, many, "Plot"),
        ],
    }
    file = descriptor_pb2.FileDescriptorProto(name="plumbline/plots.proto", package="plumbline", syntax="proto3")
    for name, fields in messages.items():
        made = file.message_type.add(name=name)
        for field_name, number, type_, label, type_name in fields:
            made.field.add(
                name=field_name,
                number=number,
                type=type_,
                label=label,
                type_name=f".plumbline.{type_name}" if type_name else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("plumbline.PlotsForSlice"))
