"""The REST APIs of the server, without a transport: bytes of a request -> arrays -> bytes of the answer.

paths.py             method and path -> which call on which model
json_reader.py       body -> JSON object; json_writer.py   values and arrays -> JSON
limits.py            how large a request may be
tensors.py           JSON values -> tensors of a signature; columns.py   the same for many rows of scalars, fast
predict.py           :predict in TensorFlow Serving's format; predict_request.py, outputs.py   its requests and answers
examples_api.py      :classify and :regress
status.py, metadata.py   GET of a model
open_inference.py    Open Inference Protocol v2; datatypes.py   its names of types
openapi.py           the OpenAPI document of the loaded models; schemas.py   the JSON Schemas of a model

"TF Serving" in comments is tensorflow/serving as of July 2026, with the file that decides below tensorflow_serving/.
"""
