"""The table [dataset]: name, task, label, id and time columns."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Names, Task


class DatasetSection(ConfigSection):
    """Name, task and special columns of the dataset."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    """Name of the dataset: its folder below schemas/ and below the root."""
    label: str
    """The column to predict."""
    task: Task = "binary"
    """Task: the label has two values, several classes, or is a number."""
    positive: str | int | None = None
    """Positive class of a binary label. Not needed for labels 0 and 1."""
    id: Names = ()
    """Columns that identify a row; never features."""
    time: str = ""
    """Time of the row, a date or timestamp: the time of the event or of the prediction. It orders the rows for
    training; a single file is split by it, with the newest `eval_share` as `eval`; the ages of other dates in
    [features] are relative to it; `span_by` uses it. "" is none: rows without spans are then unordered."""
    other_class: str = ""
    """Multiclass label: the class that replaces classes with fewer than `min_class_rows` train rows. Empty keeps every
    class; eval rows of a class without train rows then count in accuracy_with_unseen only."""
    min_class_rows: Annotated[int, Field(ge=2)] = 2
    """With other_class: minimum number of train rows of a class of its own."""

    @model_validator(mode="after")
    def _other_class_is_of_several(self) -> "DatasetSection":
        if self.other_class and self.task != "multiclass":
            raise ValueError(f"other_class: a {self.task} label has none; take it out")
        return self
