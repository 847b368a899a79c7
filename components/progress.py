"""What a long step is doing just now, for whoever shows it; nobody has to look."""

_latest = ""


def note(text: str) -> None:
    """Says it in a few words: "network, epoch 2 of 3"; "" when it is over."""
    global _latest
    _latest = text


def latest() -> str:
    """The last note."""
    return _latest
