"""Whether an object store honours conditional writes, one after the other and several at once.

A registry in a bucket rests on two promises of its store: of several creations of one object (If-None-Match: *) one
succeeds, and of several replacements of the same content (If-Match) one succeeds. A store may look first and write
later. One writer after the other then sees the promise kept, and two writers at the same moment both succeed
(SeaweedFS did so, its issue 8800). So both are tried with several requests at the same moment, more than once.

What the trial shows: a store that fails it is unfit. One that passes has no window as long as a request takes; a
shorter one may escape the trial, which is why a push also reads back what it has published, see bucket.py.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from components.registry.object_store import Objects, Taken
from components.shared.errors import UsageError

WRITERS = 8
"""Requests at the same moment."""
ROUNDS = 3
"""Trials of each kind; the first opens the connections, so that its requests arrive one by one."""


def refuse_unless_conditional(store: Objects, below: str) -> None:
    """Tries the store's conditional writes on objects of its own, and deletes them.

    Args:
      store: Where.
      below: Beginning of the names of the objects to try on; the rest is random.

    Raises:
      UsageError: A condition is ignored, or holds for several writers at once; it is named.
    """
    names = [f"{below}{uuid.uuid4().hex}" for _ in range(ROUNDS)]
    try:
        for name in names:
            _try_one(store, name)
    finally:
        for name in names:
            store.delete(name)


def _try_one(store: Objects, name: str) -> None:
    won = _at_the_same_moment(lambda content: store.create(name, content))
    if won > 1:
        if _succeeds(lambda: store.create(name, b"again")):
            raise _unfit(store, "ignores If-None-Match")
        raise _unfit(store, _raced("If-None-Match: *", won, "creations of one object"))
    if _succeeds(lambda: store.create(name, b"again")):
        raise _unfit(store, "ignores If-None-Match")
    read = store.read(name)
    if read is None:
        raise _unfit(store, "lost an object that it had just created")
    seen = read[1]
    won = _at_the_same_moment(lambda content: store.replace(name, content, seen))
    if _succeeds(lambda: store.replace(name, b"stale", seen)):
        raise _unfit(store, "ignores If-Match")
    if won > 1:
        raise _unfit(store, _raced("If-Match", won, "replacements of one object"))


def _at_the_same_moment(write: Callable[[bytes], object]) -> int:
    """How many of WRITERS that write at once, each another content, are told that they succeeded."""
    start = Barrier(WRITERS)

    def one(number: int) -> bool:
        start.wait()
        return _succeeds(lambda: write(f"{number} {uuid.uuid4().hex}".encode()))  # equal content has an equal ETag

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(one, range(WRITERS)))


def _succeeds(write: Callable[[], object]) -> bool:
    try:
        write()
    except Taken:
        return False
    return True


def _raced(header: str, won: int, of_what: str) -> str:
    return (
        f"honours {header} for one writer after the other, not for several at once ({won} of {WRITERS} simultaneous "
        f"{of_what} succeeded, where one may; SeaweedFS issue 8800 is of this kind)"
    )


def _unfit(store: Objects, why: str) -> UsageError:
    return UsageError(
        f"{store.shown()}: this store {why}, so two writers could destroy each other's versions; use another store, "
        "or a newer version of it"
    )
