"""A Beam-based executor that writes down which places it was given."""

import json
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor


class Where(BaseBeamExecutor):
    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:  # noqa: N802
        (given,), (made,) = input_dict["examples"], output_dict["statistics"]
        read = (Path(given.uri) / "deep" / "in.txt").read_text()
        said = {"input": given.uri, "output": made.uri, "temporary": self._get_tmp_dir(), "read": read}
        (Path(made.uri) / "deep").mkdir()
        (Path(made.uri) / "deep" / "where.json").write_text(json.dumps(said))
