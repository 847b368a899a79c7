"""Result of `plumbline init` as JSON and as text."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from components.shared.texts.escaping import on_one_line
from components.table_reading.read_options import ReadOptions
from pipeline.onboarding.initialise.messages import (
    Assumed,
    assumed_of,
    column_table,
    leaks_of,
    left_out_of,
    shortened,
    spelling_lines,
)
from pipeline.onboarding.initialise.proposal import Proposal
from pipeline.onboarding.initialise.spellings import FoundSpellings


@dataclass(frozen=True)
class Initialised:
    """Findings and written files of `plumbline init`; `sampled` of `rows` rows were in the sample."""

    name: str
    config: Path
    schema: Path
    rows: int
    sampled: int
    files: int
    options: ReadOptions
    proposal: Proposal
    spellings: tuple[FoundSpellings, ...] = ()
    mismatches: Mapping[str, int] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    source: tuple[Assumed, ...] = ()
    written: tuple[tuple[str, str], ...] = ()
    """CSV options that differ from the defaults: (finding, setting)."""
    impossible: Mapping[str, str] = field(default_factory=dict)
    """Column of dates -> the first value that looks like a date and is not one, with its file and row."""

    def to_json(self) -> dict[str, object]:
        """Returns a JSON object."""
        proposal = self.proposal
        return {
            "name": self.name,
            "config": str(self.config),
            "schema": str(self.schema),
            "rows": self.rows,
            "sampled": self.sampled,
            "files": self.files,
            "delimiter": self.options.delimiter,
            **{name: getattr(self.options, name) for name in ("encoding", "header_row", "skip_footer", "comment")},
            **{name: getattr(self.options, name) for name in ("decimal", "thousands")},
            "numbers": {name: asdict(one) for name, one in self.options.numbers.items()},
            "missing": list(self.options.missing),
            "on_type_mismatch": self.options.on_type_mismatch,
            "misfits": self.options.on_type_mismatch,  # the former name, until renamed_keys.REMOVED_IN
            "label": {"column": proposal.label, "task": proposal.task, "positive": proposal.positive},
            "id": list(proposal.id),
            "columns": [asdict(column) | {"feature": column.is_feature} for column in proposal.columns],
            "next": f"plumbline run --dataset {self.name}",
            "leaks": [asdict(one) for one in leaks_of(self.proposal)],
            "left_out": [asdict(one) for one in left_out_of(self.proposal)],
            "assumed": [asdict(one) for one in self._assumed()],
            "kept": list(self.kept),
            "changed": list(self.changed),
            "spellings": [group for one in self.spellings for group in one.to_json()],
        }

    def to_text(self) -> str:
        """Returns the findings, most important first, a table of all columns, and the next command."""
        lists = (
            ("Kept edits:", list(self.kept)),
            ("Changed since the last draft:", list(self.changed)),
            ("May leak the label:", [one.question for one in leaks_of(self.proposal)]),
            ("Spelling variants:", spelling_lines(self.spellings, self.proposal.label)),
            (
                "Excluded from the features:",
                [f"{on_one_line(one.column)}: {one.why}" for one in left_out_of(self.proposal)],
            ),
            (
                "Assumptions and their settings:",
                [f"{one.what}; {one.setting}" for one in self._assumed() if ".values." not in one.setting],
            ),
        )
        files = f" in {self.files} files" if self.files > 1 else ""
        sample = (
            f"; types from all rows, the rest from a sample of {self.sampled:,}" if self.sampled < self.rows else ""
        )
        return "\n".join(
            [
                f"{self.rows:,} rows{files}{sample}",
                *(line for title, lines in lists if lines for line in ("", title, *shortened(lines))),
                "",
                *column_table(self.proposal.columns),
                "",
                f"Drafts written, please check them: {self.config}, {self.schema}",
                f"Next: plumbline run --dataset {self.name}",
            ]
        )

    def _assumed(self) -> list[Assumed]:
        written = [Assumed(what, setting) for what, setting in self.written]
        return [
            *self.source,
            *written,
            *assumed_of(self.proposal, self.options, self.spellings, self.mismatches, self.impossible),
        ]
