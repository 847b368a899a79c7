"""Pages are made again once a record has changed, and seldom otherwise."""

from components.registry.aliases import Aliases, aliases_text
from components.shared.files import write_text
from monitor.dashboard import history as module
from monitor.dashboard.history import Place, read_history
from monitor.dashboard.page_cache import KEPT_SECONDS, LOOK_SECONDS, MAX_PAGES, PageCache
from monitor.store import MonitorStore
from serving.canary.journal import Journal
from tests.monitor.dashboard.made_up import made_up


class Made:
    """Counts the pages that were made, and moves the clock."""

    def __init__(self, place: Place) -> None:
        self.place, self.now, self.count = place, 1000.0, 0
        self.cache = PageCache(lambda: self.now)

    def page(self, reader: object = None) -> str:
        return self.cache.page(self.place, 60, reader, self._make)

    def _make(self, history) -> str:
        self.count += 1
        return f"page {self.count}"


def test_a_change_is_seen_by_the_next_look(tmp_path):
    place = made_up(tmp_path / "flights", days=1)
    made = Made(place)
    assert [made.page(), made.page()] == ["page 1", "page 1"]

    def change_store() -> None:
        with MonitorStore(place.home / "monitor") as store:
            store.put_state("something", 1)

    labels = aliases_text(Aliases("r", live=4))
    for number, change in enumerate(
        (
            change_store,
            lambda: Journal(place.home / "canary").add_decision({"version": 1}),
            lambda: write_text(place.home / "registry" / "labels.json", labels),
            lambda: write_text(place.home / "reports" / "20261127T050000Z-ffff", ""),
        ),
        2,
    ):
        made.now += LOOK_SECONDS
        assert made.page() == f"page {number - 1}", "nothing has changed"
        change()
        assert made.page() == f"page {number - 1}", "not looked yet"
        made.now += LOOK_SECONDS
        assert made.page() == f"page {number}"


def test_a_page_is_made_again_after_a_minute(tmp_path):
    made = Made(Place("flights", tmp_path, str(tmp_path / "registry")))
    made.page()
    made.now += KEPT_SECONDS
    assert made.page() == "page 2"


def test_readers_have_pages_of_their_own(tmp_path):
    made = Made(Place("flights", tmp_path, str(tmp_path / "registry")))
    assert [made.page("a"), made.page("b"), made.page("a")] == ["page 1", "page 2", "page 1"]
    for reader in range(2 * MAX_PAGES):
        made.page(reader)
    (entry,) = made.cache._entries.values()
    assert len(entry.pages) <= MAX_PAGES
    made.cache.forget()
    assert made.page("a") == f"page {made.count}"


def test_many_measurements_leave_fewer_windows(tmp_path, monkeypatch):
    place = made_up(tmp_path / "flights", days=6)
    each = len(read_history(place, 60).last)
    monkeypatch.setattr(module, "MAX_MEASUREMENTS", 3 * each)
    found = read_history(place, 60)
    assert [window.number for window in found.windows] == [4, 5, 6]
    assert f"Each window has {each} measurements; the last 3 windows are shown." in found.problems
    assert {at for at, _ in found.measurements} == {0, 1, 2}
