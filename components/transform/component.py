"""TFX's Transform with an executor of ours."""

from tfx.components.transform import component as stock
from tfx.dsl.components.base import executor_spec

from components.transform.executor import Executor


class Transform(stock.Transform):
    """Writes a TransformGraph; the arguments are TFX's, see executor.py for what runs.

    `custom_config` holds pipeline.toml's tables, `materialize` and `disable_statistics` stay off.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
