"""Tests whether an object store honours conditional writes, in sequence and in parallel.

A registry in a bucket relies on two guarantees of its store: of several creations of one object (If-None-Match: *) one
succeeds, and of several replacements of the same content (If-Match) one succeeds. A store may check the condition first
and write later. It then honours sequential requests, but two simultaneous writers both succeed (SeaweedFS, issue 8800).
The test therefore sends several requests simultaneously, more than once.

A store that fails the test is not usable. A store that passes may still have a race shorter than a request, so a push
also reads back what it has published, see object_store_backend.py.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from components.registry.object_store import ObjectStore, PreconditionFailed
from components.shared.errors import UsageError

WRITERS = 8
"""Simultaneous requests."""
ROUNDS = 3
"""Repetitions; in the first one the connections are opened, so that its requests do not arrive simultaneously."""


def refuse_unless_conditional(store: ObjectStore, below: str) -> None:
    """Tests the store's conditional writes on temporary objects.

    Args:
      store: The object store.
      below: Prefix of the names of the temporary objects; the rest is random.

    Raises:
      UsageError: A condition is ignored, or is true for several simultaneous writers; the message names it.
    """
    names = [f"{below}{uuid.uuid4().hex}" for _ in range(ROUNDS)]
    try:
        for name in names:
            _try_one(store, name)
    finally:
        for name in names:
            store.delete(name)


def _try_one(store: ObjectStore, name: str) -> None:
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
    """Number of WRITERS simultaneous requests, with distinct content, that the store reports as successful."""
    start = Barrier(WRITERS)

    def one(number: int) -> bool:
        start.wait()
        return _succeeds(lambda: write(f"{number} {uuid.uuid4().hex}".encode()))  # equal content has an equal ETag

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(one, range(WRITERS)))


def _succeeds(write: Callable[[], object]) -> bool:
    try:
        write()
    except PreconditionFailed:
        return False
    return True


def _raced(header: str, won: int, of_what: str) -> str:
    return (
        f"honours {header} for one writer after the other, not for several at once ({won} of {WRITERS} simultaneous "
        f"{of_what} succeeded, where one may; SeaweedFS issue 8800 is of this kind)"
    )


def _unfit(store: ObjectStore, why: str) -> UsageError:
    return UsageError(
        f"{store.shown()}: this store {why}, so two writers could destroy each other's versions; use another store, "
        "or a newer version of it"
    )
