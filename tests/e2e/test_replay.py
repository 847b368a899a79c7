"""`plumbline replay` prints a line for each span and continues after a span without a pushed model."""

import pytest

from tests.e2e.project import Project


@pytest.mark.long
def test_replay_goes_on_after_a_blocked_span(project: Project) -> None:
    third = project.folder / "spans" / "span-03.csv"
    header, first, *rest = third.read_text().splitlines()
    cells = first.split(",")
    cells[header.split(",").index("day_of_week")] = "9"
    third.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")

    replayed = project.plumbline("replay", "--dataset", "flights", "--from", "2", "--to", "4", "--window", "1")

    assert replayed.code == 3  # one span was stopped by the gate
    months, _, drift = replayed.out.partition("\n\n")
    lines = months.splitlines()
    assert [line.split()[:2] for line in lines] == [["span", "2"], ["span", "3"], ["span", "4"]]
    assert "no champion yet" in lines[0]
    assert "pushed as v1" in lines[0]
    assert "stopped" in lines[1]
    assert "day_of_week" in lines[1]
    assert "prior shift" in drift
    assert (project.home / "reports" / "drift.svg").is_file()
    assert "stopped" in lines[2]  # the bad row is in its train window now


def test_replay_checks_all_spans_first(project: Project) -> None:
    replayed = project.plumbline("replay", "--dataset", "flights", "--from", "4", "--to", "6")
    assert replayed.code == 2
    assert replayed.out == ""
    assert "span 5 does not exist" in replayed.err
