import pytest

from pipeline.report.curves import precision_recall, read_curves, roc, score_bins
from pipeline.report.facts import Matrix
from tests.pipeline.report.a_run import MATRICES, tfrecord


def test_roc_by_hand():
    # Of 200 positives and 800 negatives: at 0.25 180 and 400 are above, at 0.5 120 and 100, at 0.75 50 and 10.
    assert roc(MATRICES) == [(0, 0), (0.0125, 0.25), (0.125, 0.6), (0.5, 0.9), (1, 1)]


def test_precision_and_recall_by_hand():
    assert precision_recall(MATRICES) == [(1.0, 0.2), (0.9, 180 / 580), (0.6, 120 / 220), (0.25, 50 / 60)]


def test_a_split_of_one_class_has_only_the_corners():
    assert roc([Matrix(0.5, 0, 3, 4, 0)]) == [(0, 0), (1, 1)]
    assert precision_recall([Matrix(0.5, 0, 3, 4, 0)]) == []


def test_rows_of_a_score_are_differences_of_matrices():
    found = score_bins(MATRICES, bins=4)
    assert [(bin_.low, bin_.high) for bin_ in found] == [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]
    assert [bin_.rows for bin_ in found] == [1000 - 580, 580 - 220, 220 - 60, 60]
    assert [bin_.positive for bin_ in found] == [20 / 420, 60 / 360, 70 / 160, 50 / 60]
    assert sum(bin_.rows for bin_ in found) == 1000


def test_a_bin_without_rows_has_no_share():
    matrices = [Matrix(0.0, 1, 1, 0, 0), Matrix(0.5, 1, 1, 0, 0), Matrix(1.0, 0, 0, 1, 1)]
    assert [bin_.positive for bin_ in score_bins(matrices, bins=2)] == [None, 0.5]
    assert score_bins(matrices[:1]) == []


def test_no_plots_are_no_curves(tmp_path):
    assert read_curves(tmp_path) == {}
    (tmp_path / "plots-00000-of-00001.tfrecord").write_bytes(tfrecord([b""]))
    assert read_curves(tmp_path) == {}


@pytest.mark.slow
def test_reads_what_tfma_writes(tmp_path):
    import tensorflow_model_analysis  # noqa: F401 - its protos come with it
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2 as theirs

    overall, sliced = theirs.PlotsForSlice(), theirs.PlotsForSlice()
    sliced.slice_key.single_slice_keys.add(column="origin", bytes_value=b"EWR")
    for plots, times in ((overall, 1), (sliced, 9)):
        for name in ("champion", "candidate"):
            plot = plots.plot_keys_and_values.add()
            plot.key.model_name = name
            for row in MATRICES:
                plot.value.confusion_matrix_at_thresholds.matrices.add(
                    threshold=row.threshold,
                    true_positives=row.tp * times,
                    false_positives=row.fp * times,
                    true_negatives=row.tn * times,
                    false_negatives=row.fn * times,
                )
            # TFMA adds one below 0 and one above 1.
            plot.value.confusion_matrix_at_thresholds.matrices.add(threshold=-1e-7)
    records = [sliced.SerializeToString(), overall.SerializeToString()]
    (tmp_path / "plots-00000-of-00001.tfrecord").write_bytes(tfrecord(records))
    assert read_curves(tmp_path) == {"champion": MATRICES, "candidate": MATRICES}
