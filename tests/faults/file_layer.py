"""Builds the fault-injecting file layer (file_layer.c) and arms it for a process."""

import os
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("file_layer.c")
OPERATIONS = ("open", "write", "rename", "sync", "remove", "mkdir", "truncate")


@dataclass
class Armed:
    """A layer for the processes of one trial.

    Attributes:
      environment: For the process that is to meet the fault, and inherited by its children.
      log: A line for each operation that counts: its name and the path below the folder.
    """

    environment: dict[str, str]
    state: Path
    log: Path = field(default_factory=Path)

    @property
    def counted(self) -> int:
        """Operations so far."""
        return self._read()[0]

    @property
    def fired(self) -> bool:
        """Whether the fault happened at all."""
        return self._read()[2] > 0

    @property
    def written(self) -> int:
        """Bytes written below the folder, where FAULT_ROOM counts them."""
        return self._read()[1]

    @property
    def operations(self) -> list[tuple[str, str]]:
        """Name and path of each operation."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [(name, path) for name, _, path in (line.partition(" ") for line in lines)]

    def _read(self) -> tuple[int, int, int]:
        count, written, fired = struct.unpack_from("@LLL", self.state.read_bytes())
        return count, written, fired


class FileLayer:
    """The built library; one for a session."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._library = folder / "file_layer.so"
        self._number = 0
        compiler = os.environ.get("CC", "cc")
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True, text=True)

    def arm(self, below: Path, **settings: str | int) -> Armed:
        """Settings without FAULT_, in small letters: at=3, do="kill", ops="rename", like="*.json", room=20_000."""
        self._number += 1
        state = self._folder / f"state-{self._number}"
        state.write_bytes(bytes(64))
        log = self._folder / f"log-{self._number}"
        log.touch()
        environment = {f"FAULT_{name.upper()}": str(value) for name, value in settings.items()}
        environment |= {
            "LD_PRELOAD": str(self._library),
            "FAULT_BELOW": str(below.resolve()),
            "FAULT_STATE": str(state),
            "FAULT_LOG": str(log),
        }
        return Armed(environment, state, log)
