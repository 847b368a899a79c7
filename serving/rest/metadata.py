"""GET /v1/models/MODEL/metadata: the SignatureDefs, as TF Serving's GetModelMetadataResponse in JSON."""

from collections.abc import Mapping
from typing import Any

from serving.rest.json_writer import dumps


def encode_metadata(model: str, version: int, signature_defs: Mapping[str, Any]) -> bytes:
    """Writes the metadata of a version (http_rest_api_util.cc, ToJsonString).

    Args:
      model: Name of the model.
      version: Version number.
      signature_defs: Signature name -> SignatureDef as proto3 JSON with the names of the proto's fields.
    """
    return dumps(
        {
            "model_spec": {"name": model, "signature_name": "", "version": str(version)},
            "metadata": {"signature_def": {"signature_def": dict(signature_defs)}},
        }
    )
