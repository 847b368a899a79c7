"""TFMA reads the written result, and its own computation gives the same values."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from components.evaluator.tfma_result import confusion_matrices


def test_confusion_matrices_equal_scikit_learn():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 300)
    probability = np.round(random.random(300), 2).astype(np.float32)  # ties with the thresholds
    for row in confusion_matrices(labels, probability)[1:]:
        tn, fp, fn, tp = metrics.confusion_matrix(labels, probability >= np.float32(row["threshold"])).ravel()
        found = [row[f"{name}s"] for name in ("true_negative", "false_positive", "false_negative", "true_positive")]
        assert found == [tn, fp, fn, tp]
        assert row["recall"] == tp / (tp + fn)
        assert row["accuracy"] == pytest.approx((tp + tn) / 300)


def test_undefined_rates_are_those_of_tfma():
    first, last = (confusion_matrices(np.array([1.0]), np.array([0.5]))[at] for at in (0, -1))
    assert (first["recall"], first["false_positive_rate"]) == (1.0, 0.0)
    assert np.isnan(first["false_omission_rate"])
    assert (last["precision"], last["recall"], last["f1"]) == (1.0, 0.0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_parity_with_tfma(tmp_path, task):
    """tfma.run_model_analysis with the written config, on the same rows and models."""
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2

    from tests.components.evaluator.evaluations import evaluated

    ours, models, split = evaluated(tmp_path, task)
    run = json.loads((ours / "eval_config.json").read_text(encoding="utf-8"))
    config = json_format.Parse(json.dumps(run["evalConfig"]), config_pb2.EvalConfig())
    shared = [
        tfma.default_eval_shared_model(str(folder), model_name=name, eval_config=config)
        for name, folder in models.items()
    ]
    tfma.run_model_analysis(
        eval_shared_model=shared,
        eval_config=config,
        data_location=f"{split}/*",
        file_format="tfrecords",
        output_path=str(tmp_path / "tfma"),
    )
    for name in models:
        theirs, read = (tfma.load_eval_result(str(folder), model_name=name) for folder in (tmp_path / "tfma", ours))
        assert read.model_location == str(models[name])
        expected = {key: outputs[""][""] for key, outputs in theirs.slicing_metrics}
        found = {key: outputs[""][""] for key, outputs in read.slicing_metrics}
        assert set(found) == set(expected) and () in found
        for key, figures in found.items():
            for metric, value in figures.items():
                # TFMA sums areas over bins of scores, and interpolates between points of precision and recall.
                margin = {"auc": 2e-3, "average_precision": 1e-2}.get(metric.removesuffix("_diff"), 1e-5)
                assert value["doubleValue"] == pytest.approx(expected[key][metric]["doubleValue"], abs=margin), metric
        assert len(read.plots) == (len(found) if task == "binary" else 0)
        if task == "binary":
            matrices = [
                {key: outputs[""][""]["confusionMatrixAtThresholds"]["matrices"] for key, outputs in result.plots}
                for result in (read, theirs)
            ]
            for key in found:
                for mine, other in zip(*(one[key] for one in matrices), strict=True):
                    for count in ("truePositives", "falsePositives", "trueNegatives", "falseNegatives"):
                        # TFMA counts into bins of 1e-4: rows less than that above a threshold count as below.
                        assert mine.get(count, 0) == pytest.approx(other.get(count, 0), abs=3)


@pytest.mark.slow
def test_notebook_views_show_it(tmp_path):
    import tensorflow_model_analysis as tfma

    from tests.components.evaluator.evaluations import evaluated

    folder, _, _ = evaluated(tmp_path, "binary", champion=False)
    result = tfma.load_eval_result(str(folder))
    assert tfma.view.render_slicing_metrics(result, slicing_column="origin") is not None
    assert tfma.view.render_plot(result) is not None


def test_only_protobuf_is_imported():
    import subprocess
    import sys

    code = (
        "import sys; from components.evaluator.tfma_result import _protos; _protos().MetricsForSlice();"
        "assert not {'tensorflow_model_analysis', 'tensorflow', 'apache_beam'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
