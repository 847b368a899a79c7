"""Handles SIGINT, SIGTERM and SIGHUP: each ends the process within 10 s, after the registered cleanup.

Python runs a signal handler between two bytecodes of the main thread. While that thread is in C++ (training, reading,
the import of TensorFlow) the handler waits; and if C++ calls back into Python, the exception may be lost. So two
mechanisms end the process. The handler raises `Interrupted`, which unwinds the main thread like Ctrl-C. A watchdog
thread, which the C-level handler wakes through `signal.set_wakeup_fd`, waits GRACE seconds for that, then calls the
functions that `on_interruption` has registered and ends the process. A second signal ends the wait.
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
"""Seconds that the watchdog waits for the main thread to unwind."""

CLOSING = 3.0
"""Seconds that the watchdog waits for the registered functions: one may wait for a lock that the main thread holds."""

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_received: list[int] = []
"""Numbers of the received signals, in the order in which the main thread or the watchdog recorded them."""

_raised: list[int] = []
"""Numbers of the signals whose handler ran in the main thread."""

_closing: list[Callable[[], None]] = []
_announcing = threading.Lock()
_announced: list[bool] = []


class Interrupted(KeyboardInterrupt):
    """A signal that ends the process. As a KeyboardInterrupt it is not caught by `except Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, as in a shell."""
        return 128 + self.number

    def __str__(self) -> str:
        return message(self.number)


def message(number: int) -> str:
    """Returns the line that is shown to the user.

    Args:
      number: The signal's number.
    """
    how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    return f"{how}; completed steps are kept, run again to continue"


def received() -> Interrupted | None:
    """Returns the first signal that was received; None if there was none."""
    return Interrupted(_received[0]) if _received else None


def announce_once(tell: Callable[[], object]) -> None:
    """Calls `tell`, unless the main thread or the watchdog has done so already.

    Returns after the message has been written, by either thread: the watchdog must not end the process while the main
    thread writes.
    """
    if not _announcing.acquire(timeout=1):
        return  # the other thread is blocked in writing
    try:
        if not _announced:
            tell()
            _announced.append(True)
    finally:
        _announcing.release()


def check_interrupted() -> None:
    """Raises Interrupted if a signal was received.

    To call in `except` blocks around C++ code that calls back into Python: C++ replaces the KeyboardInterrupt by its
    own exception.
    """
    if (interrupted := received()) is not None:
        raise interrupted


@contextmanager
def on_interruption(close: Callable[[], None]) -> Iterator[None]:
    """Calls `close` if a signal interrupts the block.

    The main thread calls it, or the watchdog if the main thread is blocked in C++; possibly both at the same time.

    Args:
      close: Cleanup. It must neither import a module nor wait long for a lock. Its exceptions are ignored, since the
        process is about to end.
    """
    _closing.append(close)
    ended = False
    try:
        yield
    except KeyboardInterrupt:
        ended = True
        raise
    finally:
        if ended or _received:  # C++ may have replaced or dropped the KeyboardInterrupt
            with suppress(Exception):
                close()
        _closing.remove(close)


def handle_signals(last: Callable[[], None]) -> None:
    """Installs handlers for SIGINT, SIGTERM and SIGHUP until the process ends. To call in the main thread only.

    A signal that the parent process has set to be ignored (nohup, a background job of a shell) stays ignored.

    Args:
      last: Called by the watchdog last, before it ends the process.
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
    # A second signal must not interrupt the cleanup; the watchdog receives it. The first one raises even if the
    # watchdog has recorded it: the main thread must not go on using resources that are being closed.
    if len(_raised) == 1:
        raise Interrupted(_received[0])


def stop_raising() -> None:
    """Stops raising Interrupted, once the exit code is known. The watchdog still ends a process that hangs."""
    for number in SIGNALS:
        if signal.getsignal(number) is _raise:
            signal.signal(number, _heed)


def _heed(_number: int, _frame: FrameType | None) -> None:
    """Does nothing: the watchdog receives the signal through the wakeup file descriptor."""


def _watch(reader: socket.socket, handled: set[int], person: int, last: Callable[[], None]) -> None:
    number = _next(reader, handled, None)
    _next(reader, handled, GRACE)
    if not _received:
        _received.append(number)
    number = _received[0]  # if two signals were pending, Python may have handled the other one first
    closer = threading.Thread(target=_close_all, daemon=True)
    closer.start()
    closer.join(CLOSING)
    with suppress(Exception):
        last()
    with suppress(OSError):  # after SIGHUP the terminal may be gone
        announce_once(lambda: os.write(person, f"plumbline: {message(number)}\n".encode()))
    os._exit(128 + number)


def _next(reader: socket.socket, handled: set[int], seconds: float | None) -> int:
    """The next handled signal; 0 after `seconds` without one.

    Signals with other handlers (a timer, an ended child) arrive here, too; they do not extend the time.
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
    """Restores the default signal handlers in a forked child process."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        if signal.getsignal(number) in (_raise, _heed):
            signal.signal(number, signal.SIG_DFL)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=restore_in_child)
