"""The table [model_card]: statements of the model card that a run cannot derive."""

from pipeline.settings.sections.section import ConfigSection


class ModelCardSection(ConfigSection):
    """Statements of a pushed version's model card that a run cannot derive.

    For a missing text the card shows "not stated" and the key that sets it.
    """

    owner: str = ""
    """Person or team that is responsible for the model, with contact details."""
    licence: str = ""
    """Licence of the model: a name, or an SPDX identifier."""
    intended_use: str = ""
    """Intended use and users of the model."""
    out_of_scope: str = ""
    """Out-of-scope uses."""
