import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.label_audit import agreement_coefficients
from components.label_audit.agreement import agreement, annotator_error_rate
from components.label_audit.agreement_coefficients import cohen_kappa, fleiss_kappa, krippendorff_alpha
from components.label_audit.annotations import annotation_matrix
from components.label_audit.disagreement import ClassAgreement, RelabelRequest
from components.label_audit.recommendations import recommendations
from data.flights import package_data

COHEN_1960 = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
"""Cohen (1960): two raters, proportions 0.44 0.07 0.09 / 0.05 0.20 0.05 / 0.01 0.03 0.06 of 200 rows; kappa 0.492."""

FLEISS_1971 = """
0 0 0 6 0|0 3 0 0 3|0 1 4 0 1|0 0 0 0 6|0 3 0 3 0|2 0 4 0 0|0 0 4 0 2|2 0 3 1 0|2 0 0 4 0|0 0 0 0 6
1 0 0 5 0|1 1 0 4 0|0 3 3 0 0|1 0 0 5 0|0 2 0 3 1|0 0 5 0 1|3 0 0 1 2|5 1 0 0 0|0 2 0 4 0|1 0 2 0 3
0 0 0 0 6|0 1 0 5 0|0 2 0 1 3|2 0 0 4 0|1 0 0 4 1|0 5 0 1 0|4 0 0 0 2|0 2 0 4 0|1 0 5 0 0|0 0 0 0 6
"""
"""Fleiss (1971): 30 patients, six diagnoses each of five kinds (how often each kind was given); kappa 0.430."""

KRIPPENDORFF = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
"""Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: four observers, 12 units; nominal alpha 0.743."""


def table(columns: dict[str, str]) -> pd.DataFrame:
    """Labels separated by blanks; "." is missing."""
    return pd.DataFrame(
        {name: [None if cell == "." else cell for cell in cells.split()] for name, cells in columns.items()}
    )


def test_cohen_1960():
    rows = [(i, j) for i in range(3) for j in range(3) for _ in range(COHEN_1960[i][j])]
    found = agreement(pd.DataFrame(rows, columns=["one", "other"]), ["one", "other"])
    # Observed 0.44 + 0.20 + 0.06 = 0.70; by chance 0.6 * 0.5 + 0.3 * 0.3 + 0.1 * 0.2 = 0.41.
    assert found.raw == pytest.approx(0.70)
    assert found.cohen[0].kappa == pytest.approx((0.70 - 0.41) / 0.59)
    assert found.cohen[0].kappa == pytest.approx(0.492, abs=0.001)
    # Class 2: 12 rows agree, 18 + 10 + 2 + 6 do not: 24 of 60 labels. Class 0: 176 of 220; class 1: 80 of 120.
    assert found.by_class == (
        ClassAgreement("2", 60, 0.4),
        ClassAgreement("1", 120, 80 / 120),
        ClassAgreement("0", 220, 0.8),
    )
    assert [(c.one, c.other, c.pairs, c.by_pairs) for c in found.confusions] == [
        ("0", "1", 24, (14, 10)),
        ("0", "2", 20, (18, 2)),
        ("1", "2", 16, (10, 6)),
    ]
    lines = recommendations(found)
    assert "0.488 is below 0.667" in lines[0]
    # 18 to 2 is significant (sign test p = 0.0004), 14 to 10 is not (0.54).
    assert any(line.startswith("0 / 2") and "labelling guidelines" in line for line in lines)
    assert any(line.startswith("0 / 1") and '"uncertain"' in line for line in lines)


def test_fleiss_1971():
    counts = [[int(n) for n in row.split()] for row in FLEISS_1971.strip().replace("\n", "|").split("|")]
    labels = [[kind for kind, n in enumerate(row) for _ in range(n)] for row in counts]
    frame = pd.DataFrame(labels, columns=list("abcdef"))
    found = agreement(frame, list(frame))
    assert found.fleiss == pytest.approx(0.430, abs=0.0005)
    # Pairs that agree: mean over patients of sum n (n - 1) / 30, published as 0.556.
    assert found.raw == pytest.approx(0.556, abs=0.0005)


def test_krippendorff_with_gaps():
    frame = table(KRIPPENDORFF)
    found = agreement(frame, list(frame))
    assert found.alpha == pytest.approx(0.743, abs=0.0005)
    # The last unit has one label and is not compared. Units 2, 6 and 8 are not unanimous.
    assert (found.rows, found.compared, found.disagreeing) == (12, 11, 3)
    assert found.unanimous == pytest.approx(8 / 11)
    # Unit 6 has four different labels, so it comes first; 2 and 8 are three to one.
    assert found.send_back[0] == RelabelRequest(5, None, {"A": "1", "B": "2", "C": "3", "D": "4"})
    assert [row.row for row in found.send_back] == [5, 1, 7]
    assert any(line.startswith("C agrees with the majority of the others on 70.0%") for line in recommendations(found))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=3, max_size=3), min_size=1, max_size=25))
def test_many_classes_are_counted_as_the_libraries_do(rows):
    frame = pd.DataFrame(rows, columns=list("xyz"), dtype=object)
    coded = annotation_matrix({name: frame[name] for name in frame})
    both = (coded.codes[:, :2] >= 0).all(axis=1)
    pair = coded.codes[both, 0], coded.codes[both, 1], len(coded.classes)
    by_library = krippendorff_alpha(coded), fleiss_kappa(coded), cohen_kappa(*pair)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement_coefficients, "MAX_CLASSES", 0)
        by_counts = krippendorff_alpha(coded), fleiss_kappa(coded), cohen_kappa(*pair)
    for one, other in zip(by_library, by_counts, strict=True):
        assert one == other or one == pytest.approx(other, abs=1e-9)


def test_ten_thousand_classes():
    truth = np.arange(20_000) % 10_000
    other = truth.copy()
    other[:1000] = (other[:1000] + 1) % 10_000
    found = agreement(pd.DataFrame({"a": truth, "b": other}), ["a", "b"])
    assert (found.classes, found.raw, found.disagreeing) == (10_000, 0.95, 1000)
    assert found.cohen[0].kappa == pytest.approx(0.95, abs=1e-3)
    assert found.alpha == pytest.approx(0.95, abs=1e-3)
    assert len(found.confusions) == 100


def test_agreement_of_a_single_annotator_is_undefined():
    found = agreement(table({"a": "x y x"}), ["a"])
    assert (found.raw, found.fleiss, found.alpha, found.human_level, found.best_error) == (None,) * 5
    assert (found.cohen, found.send_back, found.compared) == ((), (), 0)
    assert "labelled twice" in recommendations(found)[0]


def test_annotators_of_different_rows_cannot_be_compared():
    found = agreement(table({"a": "x y . .", "b": ". . x y"}), ["a", "b"])
    assert (found.cohen[0].rows, found.cohen[0].agreement, found.cohen[0].kappa, found.raw) == (0, None, None, None)


def test_chance_corrected_agreement_is_undefined_for_one_class():
    found = agreement(table({"a": "x x x", "b": "x x ."}), ["a", "b"])
    assert (found.raw, found.cohen[0].kappa, found.fleiss, found.alpha) == (1.0, None, None, None)
    assert found.best_error == 0.0
    assert "the same class" in recommendations(found)[0]


def test_no_rows():
    found = agreement(pd.DataFrame({"a": [], "b": []}), ["a", "b"])
    assert (found.rows, found.raw, found.alpha) == (0, None, None)


def test_numbers_with_gaps_are_the_same_labels():
    frame = pd.DataFrame({"a": [1, 0, 1], "b": [1.0, np.nan, 0.0], "c": pd.array([True, False, None], "boolean")})
    coded = annotation_matrix({name: frame[name] for name in frame})
    assert coded.classes == ("0", "1")
    assert coded.codes.tolist() == [[1, 1, 1], [0, -1, 0], [1, 0, -1]]


def test_rows_to_review_carry_their_ids_even_if_ids_repeat():
    frame = table({"a": "x y x", "b": "x x y"}).assign(id=["p", "q", "q"], part=[1, 2, 3])
    assert [row.id for row in agreement(frame, ["a", "b"], ["id"]).send_back] == ["q", "q"]
    assert [row.id for row in agreement(frame, ["a", "b"], ["id", "part"]).send_back] == ["q|2", "q|3"]


def test_slices_are_sorted_by_agreement_without_small_ones():
    frame = pd.DataFrame({"a": ["x"] * 100, "b": ["x"] * 90 + ["y"] * 10, "day": [1] * 60 + [2] * 35 + [3] * 5})
    found = agreement(frame, ["a", "b"], slices=["day"])
    # Day 2 holds rows 60 to 94, of which 90 to 94 disagree.
    assert [(row.value, row.rows) for row in found.by_slice] == [("2", 35), ("1", 60)]
    assert found.by_slice[0].agreement == pytest.approx(30 / 35)


def test_merging_is_recommended_for_classes_of_low_agreement():
    frame = pd.DataFrame({"a": ["x", "y"] * 20 + ["z"] * 60, "b": ["y", "x"] * 20 + ["z"] * 60})
    assert any("merge them" in line for line in recommendations(agreement(frame, ["a", "b"])))


@pytest.mark.parametrize(
    ("error", "classes"), [(0.0, 2), (0.1, 2), (0.3, 2), (0.1, 3), (0.4, 5), (0.5, 2), (0.2, 10_000)]
)
def test_error_rate_of_one_annotator_inverts_the_agreement_formula(error, classes):
    raw = (1 - error) ** 2 + error**2 / (classes - 1)
    assert annotator_error_rate(raw, classes) == pytest.approx(error)


def test_error_rate_is_undefined_for_agreement_below_chance():
    assert annotator_error_rate(0.3, 2) is None


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.sampled_from([None, 0, 1, 2]), min_size=4, max_size=4), min_size=1, max_size=20))
def test_figures_are_in_range_and_independent_of_the_order(rows):
    frame = pd.DataFrame(rows, columns=list("abcd"), dtype=object)
    found = agreement(frame, list("abcd"))
    other = agreement(frame.iloc[::-1], list("dcba"))
    for name in ("raw", "fleiss", "alpha", "human_level", "unanimous"):
        value = getattr(found, name)
        assert value is None or value <= 1 + 1e-12
        assert value == getattr(other, name) or value == pytest.approx(getattr(other, name))
    assert found.disagreeing == len(found.send_back)


def test_late_by_arrival_and_late_by_departure():
    """Three annotators derived from the flights: arrival delay, departure delay, arrival delay or cancelled.

    9,430 flights of the package have no arrival delay; 8,255 of them were cancelled and have no departure delay either.
    """
    with zipfile.ZipFile(package_data() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        flights = pd.read_csv(file, usecols=["dep_delay", "arr_delay", "carrier"])
    late = (flights[["arr_delay", "dep_delay"]] > 15).astype("Int64").mask(flights[["arr_delay", "dep_delay"]].isna())
    frame = late.set_axis(["arrival", "departure"], axis=1).assign(
        traveller=late["arr_delay"].fillna(1), carrier=flights["carrier"]
    )
    found = agreement(frame, ["arrival", "departure", "traveller"], slices=["carrier"])
    assert (found.rows, found.compared, found.disagreeing) == (336_776, 336_776 - 8_255, 35_819)
    assert found.cohen[0].agreement == pytest.approx(0.8927, abs=1e-4)
    assert found.cohen[0].kappa == pytest.approx(0.6934, abs=1e-4)
    assert found.by_slice[0].value == "F9"
    # Many flights that depart late make up the delay, so the confusion is mostly in one direction.
    assert any("0 / 1" in line and "labelling guidelines" in line for line in recommendations(found))
