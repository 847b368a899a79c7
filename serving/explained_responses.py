"""Adds explanations to responses, by a thread beside the event loop."""

import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

import numpy as np

from serving.errors import ServingError, Status, invalid
from serving.explanations import Explainer
from serving.http.messages import HttpResponse
from serving.models.loaded_model import LoadedModel
from serving.rest.json_writer import dumps

SIGNATURE = "serving_default"
MAX_WAITING = 64
"""Requests that may wait for their explanation; further ones get 429."""


class ExplainedResponses:
    """Explains predictions one request after the other; an explanation costs as much as a thousand predictions."""

    def __init__(self) -> None:
        """Starts no thread before the first explanation."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="explanations")
        self._explainers: weakref.WeakKeyDictionary[LoadedModel, Explainer] = weakref.WeakKeyDictionary()
        self._waiting, self._counting = 0, Lock()

    def check(self, signature: str) -> None:
        """Refuses a request that cannot be explained.

        Raises:
          ServingError: 400: it asks for another signature than serving_default; 429: too many requests wait.
        """
        if signature != SIGNATURE:
            raise invalid(f"explain: only {SIGNATURE} can be explained, not {signature}")
        if self._waiting >= MAX_WAITING:
            raise ServingError(Status.RESOURCE_EXHAUSTED, "too many requests wait for an explanation; try again")

    def add(
        self,
        model: LoadedModel,
        inputs: Mapping[str, np.ndarray],
        top: int,
        deadline: float,
        response: HttpResponse,
        done: Callable[[HttpResponse | ServingError], None],
    ) -> None:
        """Adds `explanations` to a response of a predict request.

        Args:
          model: The version that answered; its lease must last until `done`.
          inputs: Inputs of the request.
          top: Number of features.
          deadline: time.monotonic() until when the client waits.
          response: The response without explanations.
          done: Called in the thread of the explanations with the response, or with why there is none.
        """
        with self._counting:
            self._waiting += 1

        def work() -> None:
            result: HttpResponse | ServingError
            try:
                if model not in self._explainers:
                    self._explainers[model] = Explainer(model)
                found = self._explainers[model].explain(inputs, top, deadline)
                result = replace(response, body=response.body[:-1] + b',"explanations":' + dumps(found) + b"}")
            except ServingError as error:
                result = error
            except Exception as error:  # a defect; the client must not wait for its time-out
                result = ServingError(Status.INTERNAL, f"the explanation failed: {type(error).__name__}: {error}"[:500])
            with self._counting:
                self._waiting -= 1
            done(result)

        self._executor.submit(work)

    def stop(self) -> None:
        """Ends the thread; what waits is not explained."""
        self._executor.shutdown(cancel_futures=True)
