"""Content of a model card, and escaping of text from data in both files."""

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

from components.model_card.card import model_card
from components.model_card.content import PushedVersion
from components.model_card.rendering import card_files

NASTY = "<script>alert('x')</script>|*b*\n# [a](http://x) `c`\x07"
VERDICT: dict[str, Any] = {
    "blessed": True,
    "shortfalls": [],
    "warnings": ["average_precision 0.4000 <= 0.4100: does not beat the linear baseline, within chance"],
    "metrics": {"rows": 2000.0, "auc": 0.75, "average_precision": 0.4, "log_loss": None, "threshold": 0.31},
    "intervals": {"auc": [0.73, 0.77]},
    "slices": {"origin=EWR": {"rows": 1900.0, "auc": 0.74}, f"origin={NASTY}": {"rows": 100.0, "auc": None}},
    "slice_intervals": {"origin=EWR": {"auc": [0.72, 0.76]}},
    "baselines": {"prior": {"auc": 0.5}, "linear": {"auc": 0.7, "average_precision": 0.41}},
    "champion": {"version": 3, "metrics": {"auc": 0.748}},
    "comparisons": [
        {
            "slice": "",
            "metric": "auc",
            "difference": 0.002,
            "error": 0.001,
            "p_value": 0.97,
            "significant": False,
            "detectable": 0.004,
        }
    ],
    "fairness": {
        "threshold": 0.31,
        "groups": {"origin": {"EWR": {"rows": 1900.0, "base_rate": 0.2, "positive_rate": 0.3}}},
        "gaps": [
            {
                "column": "origin",
                "metric": "positive_rate",
                "value": 0.1,
                "low": "JFK",
                "high": "EWR",
                "significant": True,
                "limit": 0.2,
            }
        ],
    },
}
ABOUT = {
    "dataset": "flights",
    "label": "late",
    "task": "binary",
    "features": ["carrier", NASTY],
    "evaluation": {
        "thresholds": {"auc": 0.6},
        "slice_tolerance": {"recall": 0.02},
        "min_slice_rows": 1000,
        "threshold_metric": {"precision": 0.8},
    },
}
DATA = {
    "spans": {"train": [1, 2, 3], "eval": [4]},
    "rows": {"train": 80000, "eval": 2000},
    "unlabelled": {"train": 7, "eval": 12},
    "corrections": [{"name": "corrections.csv", "relabelled": 3, "changed": 0, "dropped": 1}],
    "type_mismatches": None,
}
ERRORS = {"says": "one slice is weak", "slices": [{"slice": "carrier=UA", "rows": 300, "value": 0.7, "weight": 0.01}]}


def files(verdict: dict[str, Any] | None = None, errors: Any = ERRORS) -> tuple[str, str]:
    card = model_card(ABOUT, DATA, verdict or VERDICT, errors, {"data": "d" * 64, "code": "c" * 64})
    found = card_files(card)
    assert list(found) == ["model_card.md", "model_card.html"]
    return found["model_card.md"], found["model_card.html"]


def test_markdown_and_html_have_all_sections():
    markdown, page = files()
    for text in (markdown.replace("\\", ""), html.unescape(re.sub("<[^>]+>", " ", page))):
        text = " ".join(text.split())
        for expected in (
            "80,000 rows of spans 1 to 3, evaluated on 2,000 rows of span 4",
            "0.7300 to 0.7700",
            "3 relabelled, 0 changed, 1 dropped",
            "precision of at least 0.8",
            "Evaluated on span 4 only",
            "12 eval rows have no label",
            "too small to judge",
            "carrier=UA",
            "within chance",
            "EWR is 0.1000 above JFK",
            "d" * 64,
            "c" * 64,
        ):
            assert expected in text, expected


def test_candidates_for_the_model_are_listed_with_their_reasons():
    members = [
        {"name": "linear", "weight": 0.0, "seconds": 2.0, "reason": "replaced by trees"},
        {"name": "trees", "weight": 1.0, "seconds": 9.0, "reason": "log loss 0.4, 0.1 ± 0.01 below linear"},
    ]
    card = model_card(ABOUT, DATA, VERDICT, ERRORS, {}, {"members": members, "seconds": 11.0})
    (section,) = (section for section in card.sections if section.title == "Model selection")
    assert section.blocks[0].rows == (
        ("linear", "0.00", "replaced by trees"),
        ("trees", "1.00", "log loss 0.4, 0.1 ± 0.01 below linear"),
    )


def test_data_is_no_markup():
    markdown, page = files()
    assert "<script" not in markdown.replace("\\<", "")
    assert re.search(r"(?<!\\)\[a", markdown) is None
    assert "\x07" not in markdown + page
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            tags.append(tag)
            assert not {"src", "href", "onerror"} & {name for name, _ in attrs}

    Tags().feed(page)
    assert not {"script", "img", "link", "a"} & set(tags)
    assert tags.count("h2") == 9


def test_all_rows_of_a_markdown_table_have_equal_numbers_of_cells():
    markdown, _ = files()
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
    assert len(tables) == 8
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_card_depends_only_on_its_arguments():
    assert files() == files(json.loads(json.dumps(VERDICT)))


def test_card_of_an_older_verdict_without_champion():
    """Older versions wrote metrics and slices only."""
    old = {"metrics": {"rows": 9.0, "rmse": 1.25}, "slices": {}, "champion": None, "shortfalls": []}
    card = model_card(
        {"dataset": "d", "label": "y", "task": "regression"},
        {"spans": {"train": [], "eval": []}, "rows": {"train": 5, "eval": 9}},
        old,
        {},
        {"data": "", "code": ""},
    )
    text = card_files(card)["model_card.md"]
    assert "1.2500" in text
    assert "There was no champion" in text
    assert "Not evaluated on slices" in text
    assert "Fingerprint" not in text


def test_pushed_version_has_its_number_owner_and_how_to_load_it():
    pushed = PushedVersion(4, "2026-11-29T17:00:00+00:00", "20261129T165900Z-039e", "runs/flights/registry/4")
    stated = {"owner": "Operations research", "licence": "CC-BY-4.0", "intended_use": "Planning", "out_of_scope": ""}
    about = {"dataset": "flights", "label": "late", "task": "binary", "stated": stated}
    card = model_card(about, {}, VERDICT, {}, {}, None, pushed)
    assert card.title == "Model card: flights, version 4"
    text = card_files(card)["model_card.md"]
    for wanted in (
        "| Version | 4 |",
        "2026-11-29T17:00:00+00:00",
        "20261129T165900Z-039e",
        "| Owner | Operations research |",
        "| Licence | CC-BY-4.0 |",
        "| Intended use | Planning |",
    ):
        assert wanted in text, wanted
    assert re.search(r"Out of scope \| not stated", text)
    assert "serving_default" in html.unescape(card_files(card)["model_card.html"])
    plain = card_files(model_card({**about, "stated": {}}, {}, VERDICT, {}, {}))["model_card.md"]
    assert plain.count("not stated") == 4


def test_tolerances_are_among_the_criteria_where_there_is_a_champion():
    limit = "Not worse than the champion on any large slice by more than the tolerance, Recall: 0.02."
    assert limit in files()[0]
    assert limit not in files({**VERDICT, "champion": None})[0]
