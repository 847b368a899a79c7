"""The table [dataset]: what the rows are about."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Names, Task


class DatasetSection(ConfigSection):
    """What the table is about."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    """Of the folder below schemas/, and of everything that its runs make."""
    label: str
    """The column to predict."""
    task: Task = "binary"
    """What the label is: one of two values, one of several classes, or a number."""
    positive: str | int | None = None
    """Binary label: the value that counts as 1. Not needed where the label is 0 and 1."""
    id: Names = ()
    """Columns that name a row; never features."""
    time: str = ""
    """The row's own time, a date or time stamp: when what the row tells of happened, or the question was asked. Rows
    are learned from in its order; a single file is split by it, the newest `eval_share` being `eval`; the other dates
    of [features] have an age, relative to it; `span_by` cuts spans by it. "" is none: without spans rows have no
    order."""
    other_class: str = ""
    """Label of several classes: the class that those of fewer than `min_class_rows` train rows are read as, and those
    that no train row has. Empty keeps every class; eval rows of a class that no train row has are then in no metric but
    accuracy_with_unseen."""
    min_class_rows: Annotated[int, Field(ge=2)] = 2
    """With other_class: train rows that a class needs to be learned as itself."""

    @model_validator(mode="after")
    def _other_class_is_of_several(self) -> "DatasetSection":
        if self.other_class and self.task != "multiclass":
            raise ValueError(f"other_class: a {self.task} label has none; take it out")
        return self
