"""Error streams of frozen models on river's synthetic generators, and river's drift detectors on such streams.

Runs in a virtual environment of its own (river_requirements.txt) and imports river and numpy only:

    python run_river.py streams SEED OUT.npz     # 0/1 losses, `<scenario>`: reference rows, stable rows, changed rows
    python run_river.py detect IN.npz GRID.json OUT.json

`detect` runs each detector of the grid [{"name", "parameters"}] on each array of IN.npz, reset after each detection,
and writes {array: {index in the grid: [positions of the detections]}}.
"""

import itertools
import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

TRAINING, REFERENCE, STABLE, CHANGED = 2000, 1000, 3000, 3000
_WIDTH = 1000


def scenarios(seed: int) -> dict[str, tuple[Any, Any, int]]:
    """Name -> generator before, generator after, rows over which the change goes on."""
    from river.datasets import synth

    def sea(variant: int, more: int = 0) -> Any:
        return synth.SEA(variant=variant, noise=0.1, seed=seed + more)

    def agrawal(function: int, more: int = 0) -> Any:
        return synth.Agrawal(classification_function=function, perturbation=0.05, seed=seed + more)

    return {
        "SEA 0 to 1": (sea(0), sea(1, 1), 1),
        "SEA 0 to 2": (sea(0), sea(2, 1), 1),
        "SEA 3 to 2": (sea(3), sea(2, 1), 1),
        "SEA 0 to 2 gradual": (sea(0), sea(2, 1), _WIDTH),
        "Agrawal 0 to 1": (agrawal(0), agrawal(1, 1), 1),
        "Agrawal 2 to 4": (agrawal(2), agrawal(4, 1), 1),
        "Agrawal 6 to 7 gradual": (agrawal(6), agrawal(7, 1), _WIDTH),
        "Sine 0 to 1": (synth.Sine(0, seed=seed), synth.Sine(1, seed=seed + 1), 1),
        "Sine 0 to 2 gradual": (synth.Sine(0, seed=seed), synth.Sine(2, seed=seed + 1), _WIDTH),
        "STAGGER 0 to 1": (synth.STAGGER(0, seed=seed), synth.STAGGER(1, seed=seed + 1), 1),
        "Mixed 0 to 1": (synth.Mixed(0, seed=seed), synth.Mixed(1, seed=seed + 1), 1),
        "LED 4 attributes": (
            synth.LED(seed=seed, noise_percentage=0.1),
            synth.LEDDrift(seed=seed + 1, noise_percentage=0.1, n_drift_features=4),
            1,
        ),
        "Hyperplane gradual": (
            synth.Hyperplane(seed=seed, n_features=5, n_drift_features=0, noise_percentage=0.05),
            synth.Hyperplane(seed=seed, n_features=5, n_drift_features=5, mag_change=0.002, noise_percentage=0.05),
            1,
        ),
    }


def losses(before: Any, after: Any, width: int, seed: int) -> NDArray[np.int8]:
    """0/1 losses of a tree that is trained on the first rows and then frozen, as a served model is."""
    from river import tree

    random = np.random.default_rng(seed)
    model = tree.HoeffdingTreeClassifier(grace_period=100)
    old, new = iter(before), iter(after)
    for x, y in itertools.islice(old, TRAINING):
        model.learn_one(x, y)
    found = np.zeros(REFERENCE + STABLE + CHANGED, np.int8)
    for row in range(len(found)):
        since = row - REFERENCE - STABLE
        changed = since >= 0 and random.random() < min(1.0, (since + 1) / width)
        x, y = next(new if changed else old)
        found[row] = model.predict_one(x) != y
    return found


def streams(seed: int, out: str) -> None:
    """Writes the losses of each scenario."""
    found = {name: losses(*parts, seed) for name, parts in scenarios(seed).items()}
    np.savez_compressed(out, **found)


def detector(name: str, parameters: dict[str, Any]) -> Any:
    """A detector of river."""
    from river import drift

    return getattr(drift, name)(**parameters) if hasattr(drift, name) else getattr(drift.binary, name)(**parameters)


def detect(source: str, grid: str, out: str) -> None:
    """Writes the positions of the detections."""
    with open(grid) as file:
        entries = json.load(file)
    found = {}
    with np.load(source) as arrays:
        for name in arrays.files:
            values = arrays[name].tolist()
            found[name] = {}
            for index, entry in enumerate(entries):
                one, positions = detector(entry["name"], entry["parameters"]), []
                for position, value in enumerate(values):
                    one.update(value)
                    if one.drift_detected:
                        positions.append(position)
                        one = detector(entry["name"], entry["parameters"])
                found[name][str(index)] = positions
    with open(out, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    if sys.argv[1] == "streams":
        streams(int(sys.argv[2]), sys.argv[3])
    else:
        detect(*sys.argv[2:5])
