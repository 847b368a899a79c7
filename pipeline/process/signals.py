"""SIGINT, SIGTERM and SIGHUP: each ends the process within 10 s, after what is open has been closed.

Python runs a signal's handler between two bytecodes of the main thread. While that thread is in C++ (a training, a
large read, the import of TensorFlow) the handler waits; and where C++ calls back into Python, the exception may be
swallowed. So there are two ways to the end. The handler raises `Interrupted`, which unwinds the main thread like
Ctrl-C does. A watchdog thread, woken by the C-level handler through `signal.set_wakeup_fd`, gives that GRACE seconds,
then closes what `on_interruption` has registered and ends the process itself. A second signal ends the wait.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

GRACE = 5.0
"""Seconds that the main thread has to unwind."""

CLOSING = 3.0
"""Seconds that the watchdog gives to what is registered, one of which may wait for a lock of the main thread's."""

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_received: list[int] = []
"""Signals that ask for the end, in the order in which the main thread or the watchdog took note of them."""

_raised: list[int] = []
"""Those that the main thread has been told of."""

_closing: list[Callable[[], None]] = []
_announcing = threading.Lock()
_announced: list[bool] = []


class Interrupted(KeyboardInterrupt):
    """A signal asks this process to end. As a KeyboardInterrupt it passes every `except Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as a shell reports it."""
        return 128 + self.number

    def __str__(self) -> str:
        return message(self.number)


def message(number: int) -> str:
    """The line that a person gets."""
    how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    return f"{how}; what was finished is kept, run again to go on"


def received() -> Interrupted | None:
    """The first signal that asked this process to end; None if there was none."""
    return Interrupted(_received[0]) if _received else None


def announce_once(tell: Callable[[], object]) -> None:
    """Calls `tell` unless the end has been told: the main thread and the watchdog may both get there.

    Returns once it has been told, by whomever: the watchdog must not end the process while the main thread writes.
    """
    if not _announcing.acquire(timeout=1):
        return  # the other one is stuck in writing
    try:
        if not _announced:
            tell()
            _announced.append(True)
    finally:
        _announcing.release()


def check_interrupted() -> None:
    """Raises Interrupted if a signal has come: for where an exception is caught that may stand for it.

    C++ that calls back into Python turns a KeyboardInterrupt into an error of its own.
    """
    if (interrupted := received()) is not None:
        raise interrupted


@contextmanager
def on_interruption(close: Callable[[], None]) -> Iterator[None]:
    """Calls `close` if the block is interrupted: from the main thread, or from the watchdog if that is stuck in C++.

    It may be called twice, the second time while the first is under way. It must neither import a module nor wait for
    a lock for long. What it raises is dropped: the process is ending.
    """
    _closing.append(close)
    ended = False
    try:
        yield
    except KeyboardInterrupt:
        ended = True
        raise
    finally:
        if ended or _received:  # C++ may have made another exception of it, or swallowed it
            with suppress(Exception):
                close()
        _closing.remove(close)


def handle_signals(last: Callable[[], None]) -> None:
    """Handles SIGINT, SIGTERM and SIGHUP for the rest of this process's life. Only in its main thread.

    A signal that whoever started this process has set to be ignored (nohup, a shell's background job) stays ignored.

    Args:
      last: Called by the watchdog after all else, right before it ends the process.
    """
    handled = {number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN}
    try:
        person = os.dup(2)
    except OSError:
        person = -1
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    threading.Thread(target=_watch, args=(reader, handled, person, last), name="signals", daemon=True).start()
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    for number in handled:
        signal.signal(number, _raise)


def _raise(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    _raised.append(number)
    # A second one must not interrupt the closing; the watchdog hears it. But the first one does raise even where the
    # watchdog has taken note before: what is being closed must not be worked on any more.
    if len(_raised) == 1:
        raise Interrupted(_received[0])


def stop_raising() -> None:
    """From here on a signal raises nothing any more: the exit code is known. The watchdog still ends what hangs."""
    for number in SIGNALS:
        if signal.getsignal(number) is _raise:
            signal.signal(number, _heed)


def _heed(_number: int, _frame: FrameType | None) -> None:
    """The watchdog hears of it all the same."""


def _watch(reader: socket.socket, handled: set[int], person: int, last: Callable[[], None]) -> None:
    number = _next(reader, handled, None)
    _next(reader, handled, GRACE)
    if not _received:
        _received.append(number)
    number = _received[0]  # of two pending signals Python may have handled the other one first
    closer = threading.Thread(target=_close_all, daemon=True)
    closer.start()
    closer.join(CLOSING)
    with suppress(Exception):
        last()
    with suppress(OSError):  # after SIGHUP the terminal may be gone
        announce_once(lambda: os.write(person, f"plumbline: {message(number)}\n".encode()))
    os._exit(128 + number)


def _next(reader: socket.socket, handled: set[int], seconds: float | None) -> int:
    """The next signal that is handled; 0 if none has come in time.

    Those that somebody else handles (a timer, an ended child) are heard, too, and prolong nothing.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return 0
        reader.settimeout(left)
        try:
            got = reader.recv(1)
        except TimeoutError:
            return 0
        if got and got[0] in handled:
            return got[0]


def _close_all() -> None:
    for close in reversed(list(_closing)):
        with suppress(Exception):
            close()


def restore_in_child() -> None:
    """For a forked child that goes on in Python: it dies of a signal as any process does."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        if signal.getsignal(number) in (_raise, _heed):
            signal.signal(number, signal.SIG_DFL)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=restore_in_child)
