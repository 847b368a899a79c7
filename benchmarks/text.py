"""Text columns: Plumbline compared with scikit-learn's TfidfVectorizer and a linear model; CPU time of texts.

    python -m benchmarks.text [--only NAME,..] [--json FILE] [--cost TEXTS]

The tables (run_text_source.py) ship inside PyPI packages: texts and a label, nothing else. On each, `plumbline init`
and `plumbline run` with nothing told but the label; its eval rows, the fifth that a hash of the row number draws, are
the test rows of all. The others learn from the same train rows:

    word          TfidfVectorizer of words and pairs of words, logistic regression (ridge for numbers), defaults else
    char_wb       the same of character 3- to 5-grams within words
    word_char_wb  both side by side, sublinear, min_df 2: what our own vocabulary is made of, in one linear model

Metrics and intervals as in tables.py: AUC; log loss and accuracy; RMSE, with 95 % intervals by a bootstrap of the test
rows, and of ours less each other, paired.

`--cost` instead measures CPU seconds for so many texts of 50 words: of learning, of applying what was learned, and of
scikit-learn's two vectorisers on the same texts.

Prints one JSON object: `tables` (each: name, source, task, rows, texts, judged, seconds), or `cost`.
"""

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.results import print_result
from benchmarks.tables_judging import OURS, judge
from benchmarks.tables_ours import answers, row_ids, run_pipeline
from benchmarks.text_source import catalog, write_table
from components.shared.errors import PlumblineError, UsageError
from pipeline.process.environment import configure_environment

RIVALS = ("word", "char_wb", "word_char_wb")


def main() -> int:
    """Compares, or measures the cost; prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="tables, separated by commas (default: all)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--cost", type=int, help="measure the cost of so many texts instead")
    options = parser.parse_args()
    configure_environment()
    if options.cost:
        print_result({"cost": cost(options.cost)}, options.json)
        return 0
    done = []
    try:
        known = catalog()
        names = options.only.split(",") if options.only else list(known)
        if unknown := sorted(set(names) - set(known)):
            raise UsageError(f"{unknown[0]} is no table; legal: {', '.join(known)}")
        for name in names:
            done.append(_compared(known[name]))
            print(json.dumps(done[-1]), file=sys.stderr, flush=True)
    except PlumblineError as error:
        print(f"benchmarks/text: {error}", file=sys.stderr)
        return error.exit_code
    print_result({"tables": done}, options.json)
    return 0


def _compared(table: Mapping[str, Any]) -> dict[str, Any]:
    task, label = table["task"], table["label"]
    with tempfile.TemporaryDirectory(prefix="plumbline-text-") as temporary:
        folder = Path(temporary)
        rows = write_table(table["name"], folder)
        run = run_pipeline(rows, table["name"], label, False, folder / OURS)
        train, test = (rows.iloc[np.sort(row_ids(run.left.examples(split)))] for split in ("train", "eval"))
        order = np.argsort(row_ids(run.left.examples("eval")), kind="stable")
        said, names = answers(run.left.model, run.left.examples("eval"))
    said = said[order]
    classes = sorted(train[label].unique()) if task == "multiclass" else []
    given = {OURS: said[:, [names.index(one) for one in classes]] if classes else said}
    seconds: dict[str, Any] = {OURS: {"cpu_seconds": round(run.took.cpu_seconds, 1)}}
    texts = [name for name in rows.columns if name not in ("row_id", label)]
    for rival in RIVALS:
        began = time.process_time()
        given[rival] = _answered(rival, train, test, texts, label, task)
        seconds[rival] = {"cpu_seconds": round(time.process_time() - began, 1)}
    codes = np.searchsorted(classes, test[label]) if classes else test[label].to_numpy(np.float64)
    return {
        **table,
        "rows": len(rows),
        "train_rows": len(train),
        "test_rows": len(test),
        "texts": texts,
        **({"classes": len(classes)} if classes else {}),
        "judged": judge(task, codes, given).to_json(),
        "seconds": seconds,
        "model": run.summary.get("model", {}),
    }


def _answered(
    rival: str, train: pd.DataFrame, test: pd.DataFrame, texts: list[str], label: str, task: str
) -> np.ndarray:
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    kinds: list[dict[str, Any]] = []
    if rival in ("word", "word_char_wb"):
        kinds.append({"ngram_range": (1, 2)})
    if rival in ("char_wb", "word_char_wb"):
        kinds.append({"analyzer": "char_wb", "ngram_range": (3, 5)})
    both = {"sublinear_tf": True, "min_df": 2} if len(kinds) > 1 else {}
    fitted, asked = [], []
    for name in texts:
        for kind in kinds:
            vectorizer = TfidfVectorizer(**kind, **both)
            fitted.append(vectorizer.fit_transform(train[name]))
            asked.append(vectorizer.transform(test[name]))
    learned, wanted = sparse.hstack(fitted).tocsr(), sparse.hstack(asked).tocsr()
    if task == "regression":
        return np.asarray(Ridge().fit(learned, train[label]).predict(wanted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(max_iter=1000).fit(learned, train[label])
    found = model.predict_proba(wanted)
    return np.asarray(found if task == "multiclass" else found[:, 1])


def cost(count: int) -> dict[str, float]:
    """CPU seconds for so many texts of 50 words, of a vocabulary of 30,000 words by Zipf's law."""
    import tensorflow as tf
    from sklearn.feature_extraction.text import TfidfVectorizer

    from components.transform.text_columns.learning import TextSettings, learn
    from components.transform.text_columns.model import TextColumn

    draw = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    shares = 1 / np.arange(2, 28)
    words = np.array(
        ["".join(draw.choice(letters, draw.integers(2, 11), p=shares / shares.sum())) for _ in range(30_000)]
    )
    often = 1 / np.arange(1, len(words) + 1)
    texts = [" ".join(words[row]) for row in draw.choice(len(words), (count, 50), p=often / often.sum())]
    raw, labels = np.array([text.encode() for text in texts], object), draw.integers(0, 2, count).astype(float)
    settings, found = TextSettings(), {}

    def timed(name: str, work: Any) -> Any:
        began = time.process_time()
        result = work()
        found[name] = round(time.process_time() - began, 1)
        return result

    some = np.sort(draw.choice(count, min(count, settings.max_fit_rows), replace=False))
    model = timed("learn", lambda: learn("text", raw[some], labels[some], "binary", 256, settings))
    column = TextColumn(model)
    apply = tf.function(column, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    timed("apply", lambda: [apply(tf.constant(raw[at : at + 8192])) for at in range(0, count, 8192)])
    timed("sklearn_word", lambda: TfidfVectorizer(ngram_range=(1, 2)).fit_transform(texts))
    timed("sklearn_char_wb", lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit_transform(texts))
    return {"texts": float(count), **found}


if __name__ == "__main__":
    sys.exit(main())
