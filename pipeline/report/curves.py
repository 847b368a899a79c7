"""Confusion matrices from TFMA's plots, and the ROC, precision-recall and calibration curves computed from them.

TFMA's own reader imports TensorFlow (10 s). Its file is a TFRecord of `PlotsForSlice` protos. The required fields are
declared again here in a proto with another name and the same field numbers, which is wire-compatible.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.report.facts import Matrix


def read_curves(evaluation: Path) -> dict[str, tuple[Matrix, ...]]:
    """Reads the confusion matrices of each model over all rows.

    Args:
      evaluation: TFMA's output folder.

    Returns:
      "candidate" and, if there was one, "champion" -> matrices with thresholds in [0, 1], ascending. Empty for tasks
      without such plots.
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
                    # TFMA omits the model's name if there is only one.
                    found[plot.key.model_name or "candidate"] = tuple(sorted(rows, key=lambda row: row.threshold))
    return found


def roc(matrices: Sequence[Matrix]) -> list[tuple[float, float]]:
    """Returns points (false positive rate, true positive rate), both in [0, 1], from (0, 0) to (1, 1)."""
    points = {(0.0, 0.0), (1.0, 1.0)}
    for row in matrices:
        if row.tp + row.fn and row.fp + row.tn:
            points.add((row.fp / (row.fp + row.tn), row.tp / (row.tp + row.fn)))
    return sorted(points)


def precision_recall(matrices: Sequence[Matrix]) -> list[tuple[float, float]]:
    """Returns points (recall, precision), both in [0, 1], by ascending threshold.

    Thresholds at which no row is predicted positive are omitted, since precision is undefined there.
    """
    return [
        (row.tp / (row.tp + row.fn), row.tp / (row.tp + row.fp))
        for row in matrices
        if row.tp + row.fn and row.tp + row.fp
    ]


@dataclass(frozen=True)
class Bin:
    """The number of rows with a score in [low, high), and their positive rate in [0, 1]; None without rows."""

    low: float
    high: float
    rows: float
    positive: float | None


def score_bins(matrices: Sequence[Matrix], bins: int = 10) -> list[Bin]:
    """Computes the bins of a reliability diagram.

    The difference of the confusion matrices at two thresholds counts the rows between them exactly. The bins have equal
    width, with edges moved to the nearest available thresholds.

    Args:
      matrices: By ascending threshold.
      bins: Number of bins.
    """
    if len(matrices) < 2:
        return []
    edges = [min(matrices, key=lambda row, at=step / bins: abs(row.threshold - at)) for step in range(bins)]  # type: ignore[misc]
    nothing = Matrix(1.0, 0.0, 0.0, 0.0, 0.0)  # no score is above 1
    found = []
    for low, high in zip(edges, [*edges[1:], nothing], strict=True):
        positive, rows = low.tp - high.tp, low.tp + low.fp - high.tp - high.fp
        found.append(Bin(low.threshold, high.threshold, rows, positive / rows if rows > 0 else None))
    return found


def _records(path: Path) -> Iterator[bytes]:
    """Records of a TFRecord file. Frame: length (8 bytes, little-endian), its CRC (4), the record, its CRC (4)."""
    content, at = path.read_bytes(), 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        yield content[at + 12 : at + 12 + length]
        at += 16 + length


@cache
def _plots_class() -> Any:
    """The subset of tensorflow_model_analysis.PlotsForSlice that is read here."""
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
