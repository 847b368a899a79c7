"""What it costs that a first run reads each file twice: preflight before anything is written, then ingest.

    python -m benchmarks.read_twice --data data/flights

Prints CPU seconds of preflight without its cache, of the reading in it (which handing the rows over to ingest would
save; hashing and counting would remain), and of ingest, as one JSON object.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from components.arrow_example_gen.conversion import conversion_tasks, convert
from pipeline.preflight.data_check import check_data, source_of
from pipeline.settings.config import find_config, load_config


def measure(data: str, dataset: str = "flights") -> dict[str, Any]:
    """Measures one window.

    Args:
      data: Folder of the spans.
      dataset: Dataset whose settings and schema are used.

    Returns:
      `files`, `rows`, `bytes`, and CPU seconds of `preflight`, `reading` and `ingest`.
    """
    source = source_of(load_config(find_config(dataset)), data)
    files = [(file, split) for split, some in source.files(None).splits().items() for file in some]
    with tempfile.TemporaryDirectory() as folder:
        _read(source, files[:1])  # loads the libraries of reading
        begin = time.process_time()
        check_data(source, None, Path(folder) / "scans.json")
        checked = time.process_time()
        rows = _read(source, files)
        read = time.process_time()
        for split in source.splits:
            (Path(folder) / "examples" / f"Split-{split}").mkdir(parents=True)
        for task in conversion_tasks(source, None, f"{folder}/examples"):
            convert(source, task, columnar=True)
        ingested = time.process_time()
    return {
        "files": len(files),
        "rows": rows,
        "bytes": sum(file.bytes for file, _ in files),
        "preflight": round(checked - begin, 3),
        "reading": round(read - checked, 3),
        "ingest": round(ingested - read, 3),
    }


def _read(source: Any, files: list[tuple[Any, str]]) -> int:
    return sum(batch.num_rows for file, split in files for batch in source.read(file, split))


def main() -> None:
    """Parses the arguments and prints the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/flights", help="folder of the spans")
    parser.add_argument("--dataset", default="flights", help="dataset whose settings are used")
    parsed = parser.parse_args()
    print(json.dumps(measure(parsed.data, parsed.dataset)))


if __name__ == "__main__":
    main()
