"""For `preexec_fn` of processes that tests send signals to."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def default_signals() -> None:
    """Resets signals that are ignored under nohup, or in a background job of a shell."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
