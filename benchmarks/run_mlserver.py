"""A runtime of MLServer for the SavedModel of a Plumbline version. Run by the Python of mlserver_requirements.txt.

The model is called as our server calls it, by serving/models/loaded_model.py, so that the servers differ and not the
calls. Settings of the model: `parameters.uri` is the folder of the version.
"""

import os
import sys

sys.path.append(os.environ["PLUMBLINE_SITE"])  # TensorFlow; behind MLServer's own packages
sys.path.append(os.environ["PLUMBLINE_CHECKOUT"])

from pathlib import Path

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class SavedModelRuntime(MLModel):
    """Answers infer requests with serving_default."""

    async def load(self) -> bool:
        """Loads the SavedModel."""
        from serving.models.loaded_model import LoadedModel, configure_threads

        configure_threads(1)
        self._model = LoadedModel(Path(self.settings.parameters.uri), self.name, 1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Decodes by MLServer's own codecs, computes, encodes."""
        inputs = {}
        for one in payload.inputs:
            if one.datatype == "BYTES":
                inputs[one.name] = np.array([text.encode() for text in StringCodec.decode_input(one)], object)
            else:
                inputs[one.name] = NumpyCodec.decode_input(one)
        outputs = self._model.run("serving_default", {name: one.reshape(-1) for name, one in inputs.items()})
        encoded = [
            StringCodec.encode_output(name, [text.decode() for text in one.tolist()])
            if one.dtype == object
            else NumpyCodec.encode_output(name, one)
            for name, one in outputs.items()
        ]
        return InferenceResponse(model_name=self.name, outputs=encoded)
