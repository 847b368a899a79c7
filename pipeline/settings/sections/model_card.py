"""The table [model_card]: what a model card states besides what the run knows."""

from pipeline.settings.sections.section import ConfigSection


class ModelCardSection(ConfigSection):
    """What the model card of a pushed version states besides what the run knows.

    The card says of a text that is not set that it is not stated, and which key sets it.
    """

    owner: str = ""
    """Person or team that answers for the model, with a way to reach them."""
    licence: str = ""
    """Licence of the model: a name, or an SPDX identifier."""
    intended_use: str = ""
    """What the model is meant for, and by whom."""
    out_of_scope: str = ""
    """Uses that the model is not meant for."""
