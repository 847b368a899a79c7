"""Requests to responses: the calls of TensorFlow Serving's API and of the Open Inference Protocol on loaded models."""

import logging
from functools import lru_cache
from typing import Any

from serving.errors import ServingError, Status
from serving.exchange import Respond
from serving.http.messages import HttpRequest, HttpResponse
from serving.metrics import Metrics
from serving.models.model_manager import ModelManager
from serving.models.version_states import State
from serving.predictions import CALLS, DEFECT, Predictions, failed
from serving.request_keys import explained_features
from serving.rest import open_inference
from serving.rest.metadata import encode_metadata
from serving.rest.openapi import openapi_document
from serving.rest.paths import Call, Route, parse_path
from serving.rest.status import encode_status

LOG = logging.getLogger(__name__)


class Service:
    """Answers requests. All methods run in the event loop's thread."""

    def __init__(self, manager: ModelManager, predictions: Predictions, metrics: Metrics, version: str) -> None:
        """Composes the service.

        Args:
          manager: The loaded models.
          predictions: Answers what asks a model.
          metrics: Counters.
          version: Version of the server, for its metadata.
        """
        self._manager, self._metrics, self._version = manager, metrics, version
        self.predictions = predictions
        self.draining = False
        """Whether the server is shutting down; it is not ready then."""

    def handle(self, request: HttpRequest, respond: Respond) -> None:
        """Answers a request by one call of `respond`, now or later. Raises nothing."""
        try:
            route = _route(request.method if request.method != "HEAD" else "GET", request.path)
            if route.call in CALLS:
                self.predictions.begin(request, route, respond, explained_features(request.query))
            else:
                respond(self._described(route))
        except ServingError as error:
            self._metrics.refused(error.http_status)
            respond(failed(error))
        except Exception:  # a defect of the server; the client must not wait for its time-out
            LOG.exception("defect in answering %s %s", request.method, request.path)
            self._metrics.refused(500)
            respond(failed(ServingError(Status.INTERNAL, DEFECT)))

    def _described(self, route: Route) -> HttpResponse:
        manager, model = self._manager, route.model
        if route.call is Call.STATUS:
            return HttpResponse(200, encode_status(manager.statuses(model, route.version)))
        if route.call is Call.METADATA:
            with manager.lease(model, route.version, route.label) as loaded:
                definitions = loaded.signature_defs_json()
                return HttpResponse(200, encode_metadata(model, loaded.version, definitions))
        if route.call is Call.SERVER:
            return HttpResponse(200, open_inference.encode_server("plumbline", self._version))
        if route.call is Call.LIVE:
            return HttpResponse(200, open_inference.encode_live(True))
        if route.call is Call.READY:
            return HttpResponse(200 if self.ready else 503, open_inference.encode_ready(self.ready))
        with manager.lease(model, route.version) as loaded:
            if route.call is Call.MODEL_READY:
                return HttpResponse(200, open_inference.encode_model_ready(model, True))
            available = [one.version for one in manager.statuses(model) if one.state is State.AVAILABLE]
            signature = loaded.signatures.get("serving_default") or next(iter(loaded.signatures.values()))
            return HttpResponse(200, open_inference.encode_model(model, available, signature))

    @property
    def ready(self) -> bool:
        """Whether every model has a version that can answer, and the server is not shutting down."""
        return not self.draining and self._manager.ready()

    def openapi(self, *, bearer: bool) -> dict[str, Any]:
        """The OpenAPI document of the models that are loaded now; `bearer`: requests need a token."""
        models = {}
        for name in self._manager.models():
            try:
                with self._manager.lease(name) as loaded:
                    models[name] = loaded.signatures
            except ServingError:  # no version of it is loaded yet
                continue
        return openapi_document(models, self._version, bearer=bearer)


@lru_cache(4096)
def _route(method: str, path: str) -> Route:
    return parse_path(method, path)
