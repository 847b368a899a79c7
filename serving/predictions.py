"""Predictions: from a request to its version, into a micro-batch, and back to a response, the log and the metrics.

`begin` and `deliver` run in the event loop's thread; the batcher computes in its own.
"""

import logging
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from serving.batching import Batch, Job
from serving.errors import ServingError, Status, invalid
from serving.exchange import Exchange, Respond
from serving.explained_responses import ExplainedResponses
from serving.http.messages import HttpRequest, HttpResponse
from serving.logged_rows import answered_rows, failed_request
from serving.metrics import Metrics
from serving.models.leases import Lease
from serving.models.loaded_model import LoadedModel
from serving.models.model_manager import ModelManager
from serving.request_keys import event_time, input_value, is_request_id
from serving.request_log.writer import RequestLogWriter
from serving.rest.examples_api import ExamplesCodec
from serving.rest.json_writer import dumps
from serving.rest.limits import Limits
from serving.rest.open_inference import InferCodec
from serving.rest.outputs import rows_of
from serving.rest.paths import Call, Route
from serving.rest.predict import PredictCodec
from serving.rest.predict_request import PredictRequest
from serving.settings import ServerSettings
from serving.traffic import BASELINE, LIVE, SHADOW

LOG = logging.getLogger(__name__)
CALLS = (Call.PREDICT, Call.CLASSIFY, Call.REGRESS, Call.INFER)
DIRECT = "direct"
"""Label of requests that name their version, which are no part of a canary's comparison."""
SHADOW_QUEUE = 256
"""Queued requests above which no shadow predictions are made: they must not delay the answers."""
DEFECT = "the server failed to answer; see its log"


class Queue(Protocol):
    """What is needed of the batcher."""

    @property
    def queued(self) -> int:
        """Jobs that are not being computed yet."""

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queues jobs."""


@dataclass(eq=False)
class Codecs:
    """Readers and writers of the requests of one loaded version."""

    predict: PredictCodec
    examples: ExamplesCodec
    infer: InferCodec


class Predictions:
    """Answers the requests for predictions."""

    def __init__(
        self,
        manager: ModelManager,
        queue: Queue,
        metrics: Metrics,
        settings: ServerSettings,
        logs: Mapping[str, RequestLogWriter],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        """Composes them.

        Args:
          manager: The loaded models.
          queue: The batcher, whose results are given to `deliver`.
          metrics: Counters.
          settings: Limits and keys.
          logs: Model -> its request log; no entry for none.
          later: Runs a function in the event loop's thread; may be called in any thread.
        """
        self._manager, self._queue, self._metrics = manager, queue, metrics
        self._settings, self._logs, self._later = settings, logs, later
        self._limits = Limits(rows=settings.max_rows)
        self._codecs: weakref.WeakKeyDictionary[LoadedModel, Codecs] = weakref.WeakKeyDictionary()
        self._prefix, self._count = os.urandom(6).hex(), 0
        self._jobs: list[Job] = []
        self.explained = ExplainedResponses()
        self.in_flight = 0
        """Requests that are being answered."""

    # -- requests ------------------------------------------------------------------------------------------------

    def begin(self, request: HttpRequest, route: Route, respond: Respond, explain: int) -> None:
        """Begins to answer a request; `respond` is called once, now or later, unless this raises.

        Args:
          request: The request.
          route: One of CALLS.
          respond: Sends the response.
          explain: Number of features to explain; 0 for none.

        Raises:
          ServingError: The request is refused before a version was chosen.
        """
        if self.in_flight >= self._settings.max_in_flight:
            raise ServingError(Status.RESOURCE_EXHAUSTED, "too many requests at a time (max_in_flight); try again")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise invalid("content-encoding is not supported; send the body as it is")
        request_id = self._request_id(request)
        header = self._settings.time_header
        given = request.headers.get(header) if header else None
        happened = None if given is None else event_time(header, given)
        lease = self._lease(route, request, request_id)
        direct = route.version is not None or route.label is not None
        label = DIRECT if direct else lease.arm
        exchange = Exchange(request, route, lease, label, respond, request_id, explain, happened)
        self.in_flight += 1
        if self._enqueue(exchange) and exchange.label in (LIVE, BASELINE):
            self._shadow(exchange)

    def _lease(self, route: Route, request: HttpRequest, request_id: str) -> Lease:
        if route.version is not None or route.label is not None:
            return self._manager.lease(route.model, route.version, route.label)
        key = request.headers.get(self._settings.key_header)
        if key is None and self._settings.key_input:
            key = input_value(request.body, self._settings.key_input)
        try:
            return self._manager.route(route.model, (request_id if key is None else key).encode("utf-8", "replace"))
        except ServingError as error:
            if error.status is Status.NOT_FOUND and route.model in self._manager.models():
                # TensorFlow Serving answers 404 here, too; load balancers and clients that try again need 503.
                raise ServingError(Status.UNAVAILABLE, f"{route.model}: no version is loaded yet; try again") from error
            raise

    def _request_id(self, request: HttpRequest) -> str:
        given = request.headers.get("x-request-id")
        if given is None:
            self._count += 1
            return f"{self._prefix}-{self._count:x}"
        return is_request_id(given)

    def _enqueue(self, exchange: Exchange) -> bool:
        """Reads the body and queues the request; answers it and returns False if it is wrong."""
        codecs, request, lease = self.codecs(exchange.lease.model), exchange.request, exchange.lease
        deadline = request.arrived + self._settings.request_seconds
        try:
            decoded: Any
            if exchange.route.call is Call.PREDICT:
                decoded = codecs.predict.decode(request.body)
            elif exchange.route.call is Call.INFER:
                decoded = codecs.infer.decode(request.body, request.headers.get("inference-header-content-length"))
            else:
                decoded = codecs.examples.decode(request.body, exchange.route.call)
            if exchange.explain:
                if exchange.route.call is not Call.PREDICT:
                    raise invalid("explain: only predict requests (:predict) can be explained")
                self.explained.check(decoded.signature)
        except ServingError as error:
            self._answer(exchange, self._named(exchange, failed(error)), log=True)
            return False
        except Exception:
            LOG.exception("defect in reading %s", request.path)
            self._answer(exchange, self._named(exchange, failed(ServingError(Status.INTERNAL, DEFECT))), log=True)
            return False
        self._jobs.append(Job(lease.model, decoded, deadline, exchange, exchange.label))
        return True

    def flush(self) -> None:
        """Gives the requests of this turn of the event loop to the batcher, in one go."""
        if self._jobs:
            jobs, self._jobs = self._jobs, []
            self._queue.submit(jobs)

    @property
    def pending(self) -> bool:
        """Whether `flush` has something to do."""
        return bool(self._jobs)

    def _shadow(self, live: Exchange) -> None:
        """Has the shadow version predict the same request, for the log only."""
        lease = self._manager.shadow(live.route.model)
        if lease is None:
            return
        if self._queue.queued > SHADOW_QUEUE:
            lease.release()
            self._metrics.shadow_dropped(live.route.model)
            return
        self._enqueue(replace(live, lease=lease, label=SHADOW, respond=None, explain=0))

    # -- results -------------------------------------------------------------------------------------------------

    def deliver(self, batches: Sequence[Batch]) -> None:
        """Answers computed requests, and counts and logs them."""
        for batch in batches:
            error = batch.jobs[0].error
            if error is None:
                self._computed(batch)
                continue
            for job in batch.jobs:
                if error.http_status >= 500:
                    LOG.error("%s %s: %s", job.context.request.path, job.context.request_id, error.message)
                self._answer(job.context, self._named(job.context, failed(error)), log=True)

    def _computed(self, batch: Batch) -> None:
        first = batch.jobs[0].context
        self._metrics.batch(first.route.model, sum(job.rows or 1 for job in batch.jobs))
        responses = self._encoded(batch)
        exchanges = [job.context for job in batch.jobs]
        writer = self._logs.get(first.route.model)
        receipt = writer.append(answered_rows(batch, [one.status for one in responses])) if writer else None

        def send() -> None:
            for job, exchange, response in zip(batch.jobs, exchanges, responses, strict=True):
                if exchange.explain and response.status == 200:
                    self._explain(job, response)
                else:
                    self._answer(exchange, self._named(exchange, response), log=False)

        if receipt is None:
            send()
        else:  # [request_log] synchronous: the answers wait until their rows are on disk
            receipt.add_done_callback(lambda _: self._later(send))

    def _explain(self, job: Job, response: HttpResponse) -> None:
        exchange: Exchange = job.context

        def done(found: HttpResponse | ServingError) -> None:
            answer = failed(found) if isinstance(found, ServingError) else found
            self._later(lambda: self._answer(exchange, self._named(exchange, answer), log=False))

        self.explained.add(exchange.lease.model, job.request.inputs, exchange.explain, job.deadline, response, done)

    def _encoded(self, batch: Batch) -> list[HttpResponse]:
        """The responses of the jobs of a batch."""
        try:
            if all(map(_by_rows, batch.jobs)):  # written together, too
                rows, first, found = rows_of(batch.outputs), 0, []
                for job in batch.jobs:
                    count = job.rows or 0
                    found.append(HttpResponse(200, dumps({"predictions": rows[first : first + count]})))
                    first += count
                return found
            first, found = 0, []
            for job in batch.jobs:
                outputs, count = batch.outputs, job.rows or 0
                if len(batch.jobs) > 1:
                    outputs = {name: one[first : first + count] for name, one in outputs.items()}
                first += count
                found.append(HttpResponse(200, self._encode(job, outputs)))
            return found
        except ServingError as error:  # a type that JSON does not have: the same for all jobs
            return [failed(error)] * len(batch.jobs)
        except Exception:
            LOG.exception("defect in writing the answer to %s", batch.jobs[0].context.request.path)
            return [failed(ServingError(Status.INTERNAL, DEFECT))] * len(batch.jobs)

    def _encode(self, job: Job, outputs: Mapping[str, np.ndarray]) -> bytes:
        exchange: Exchange = job.context
        codecs, call = self.codecs(exchange.lease.model), exchange.route.call
        if call is Call.PREDICT:
            return codecs.predict.encode(job.request, outputs)
        if call is Call.INFER:
            return codecs.infer.encode(job.request, outputs, exchange.route.model, exchange.lease.version)
        return codecs.examples.encode(job.request, outputs)

    def _answer(self, exchange: Exchange, response: HttpResponse, *, log: bool) -> None:
        """Sends a response, counts it and releases the version; `log` writes it to the request log, without values."""
        if exchange.respond is not None:
            exchange.respond(response)
            self.in_flight -= 1
        latency = time.monotonic() - exchange.request.arrived
        self._metrics.answered(exchange.route.model, exchange.lease.version, exchange.role, response.status, latency)
        exchange.lease.release()
        writer = self._logs.get(exchange.route.model) if log else None
        if writer is not None:
            writer.append(failed_request(exchange, response.status, latency))

    @staticmethod
    def _named(exchange: Exchange, response: HttpResponse) -> HttpResponse:
        """The response with the headers that say which request it answers, and by which version."""
        headers = (
            f"{response.headers}x-request-id: {exchange.request_id}\r\nx-model-version: {exchange.lease.version}\r\n"
            f"x-model-label: {exchange.role}\r\n"
        )
        if trace := exchange.request.headers.get("traceparent"):
            headers += f"traceparent: {trace}\r\n"
        return HttpResponse(response.status, response.body, response.content_type, headers)

    def codecs(self, model: LoadedModel) -> Codecs:
        """Returns the codecs of a loaded version, made at its first request."""
        found = self._codecs.get(model)
        if found is None:
            signatures, limits = model.signatures, self._limits
            found = Codecs(
                PredictCodec(signatures, limits), ExamplesCodec(signatures, limits), InferCodec(signatures, limits)
            )
            self._codecs[model] = found
        return found


def _by_rows(job: Job) -> bool:
    request = job.request
    return (
        isinstance(request, PredictRequest) and request.row_format and not request.squeeze and request.rows is not None
    )


def failed(error: ServingError) -> HttpResponse:
    """Returns the response of an error."""
    headers = "retry-after: 1\r\n" if error.status in (Status.RESOURCE_EXHAUSTED, Status.UNAVAILABLE) else ""
    return HttpResponse(error.http_status, error.body(), headers=headers)
