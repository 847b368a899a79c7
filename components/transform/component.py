"""The TFX component Transform with Plumbline's executor."""

from tfx.components.transform import component as stock
from tfx.dsl.components.base import executor_spec

from components.transform.executor import TransformExecutor


class Transform(stock.Transform):
    """Writes a TransformGraph; the arguments are those of TFX's Transform, see executor.py.

    `custom_config` holds sections of pipeline.toml; `materialize` and `disable_statistics` have to stay off.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(TransformExecutor)
