"""Golden cases of paths (model_servers/http_rest_api_util_test.cc and http_rest_api_handler_test.cc)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import ServingError
from serving.rest.paths import Call, Route, parse_path

ENCODED = "m%21%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D"
DECODED = "m!#$%&'()*+,/:;=?@[]"


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        # TestParseModelInfoForGet
        ("GET", "/v1/models/m", Route(Call.STATUS, "m")),
        ("GET", f"/v1/models/{ENCODED}", Route(Call.STATUS, DECODED)),
        ("GET", "/v1/models/m/versions/99", Route(Call.STATUS, "m", 99)),
        ("GET", "/v1/models/m/labels/latest", Route(Call.STATUS, "m", label="latest")),
        ("GET", "/v1/models/m/metadata", Route(Call.METADATA, "m")),
        ("GET", f"/v1/models/{ENCODED}/labels/{ENCODED}/metadata", Route(Call.METADATA, DECODED, label=DECODED)),
        ("GET", "/v1/models/m/versions/007/metadata", Route(Call.METADATA, "m", 7)),
        # TestParseModelInfoForPost
        ("POST", "/v1/models/m:predict", Route(Call.PREDICT, "m")),
        ("POST", f"/v1/models/{ENCODED}:predict", Route(Call.PREDICT, DECODED)),
        ("POST", "/v1/models/m/versions/99:classify", Route(Call.CLASSIFY, "m", 99)),
        ("POST", "/v1/models/m/labels/live:regress", Route(Call.REGRESS, "m", label="live")),
        # kPredictionApiGegex, kModelStatusApiRegex: (?i); what is captured keeps its case
        ("POST", "/V1/MODELS/Big/Versions/3:predict", Route(Call.PREDICT, "Big", 3)),
        ("GET", "/V1/Models/Big/LABELS/Live", Route(Call.STATUS, "Big", label="Live")),
        # HttpRestApiHandler::ProcessRequest compares "metadata" with lower case
        ("GET", "/v1/models/m/METADATA", Route(Call.STATUS, "m")),
        ("GET", "/v1/models/m%20%C3%BC+", Route(Call.STATUS, "m ü+")),
        # inference_rest.md
        ("GET", "/v2", Route(Call.SERVER)),
        ("GET", "/v2/", Route(Call.SERVER)),
        ("GET", "/v2/health/live", Route(Call.LIVE)),
        ("GET", "/v2/health/ready", Route(Call.READY)),
        ("GET", "/v2/models/m", Route(Call.MODEL, "m")),
        ("GET", "/v2/models/m%2Fn/versions/4", Route(Call.MODEL, "m/n", 4)),
        ("GET", "/v2/models/m/ready", Route(Call.MODEL_READY, "m")),
        ("GET", "/v2/models/m/versions/4/ready", Route(Call.MODEL_READY, "m", 4)),
        ("POST", "/v2/models/m/infer", Route(Call.INFER, "m")),
        ("POST", "/v2/models/m/versions/4/infer", Route(Call.INFER, "m", 4)),
    ],
)
def test_paths(method, path, route):
    assert parse_path(method, path) == route


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        # HttpRestApiHandlerTest, UnsupportedApiCalls
        ("GET", "/v1/foo", "Malformed request: GET /v1/foo"),
        ("POST", "/v1/foo", "Malformed request: POST /v1/foo"),
        ("GET", "/v1/models", "Missing model name in request."),
        ("GET", "/v1/models/versions/1", "Missing model name in request."),
        ("GET", "/v1/models/debug/model_name", "Malformed request: GET"),
        ("POST", "/v1/models", "Malformed request: POST /v1/models"),
        ("GET", "/v1/models/foo:predict", "Malformed request: GET"),
        ("POST", "/v1/models/foo/version/50:regress", "Malformed request: POST"),
        ("POST", "/v1/models/foo/versions/HELLO:regress", "Malformed request: POST"),
        ("POST", f"/v1/models/foo/versions/{2**64 - 1}:regress", "Failed to convert version: 18446744073709551615"),
        ("GET", f"/v1/models/foo/versions/{'9' * 10_000}", "Failed to convert version: 999"),
        ("POST", "/v1/models/foo/metadata", "Malformed request: POST"),
        ("POST", "/v1/models/foo/versions/50/labels/some_label:regress", "Malformed request: POST"),
        # \d is [0-9] in RE2
        ("GET", "/v1/models/foo/versions/٣", "Malformed request: GET"),
        # HttpRestApiHandler::ProcessRequest compares the verb with lower case
        ("POST", "/v1/models/foo:Predict", "Malformed request: POST /v1/models/foo:Predict"),
        ("POST", "/v1/models/foo:cla\u017f\u017fify", "Malformed request: POST"),
        ("PUT", "/v1/models/foo:predict", "Malformed request: PUT"),
        ("GET", "/v1/", "Malformed request: GET /v1/"),
        ("GET", "/v1/models/%ff", "Failed to decode model name:%ff"),
        ("GET", "/v1/models/m/labels/%ff", "Failed to decode model version label:%ff"),
        ("GET", "/v2/models/m/infer", "this path needs POST"),
        ("POST", "/v2/models/m", "this path needs GET"),
        ("GET", f"/v2/models/m/versions/{2**63}", "Failed to convert version"),
    ],
)
def test_what_is_no_call_of_the_api_is_a_400(method, path, message):
    with pytest.raises(ServingError) as refused:
        parse_path(method, path)
    assert refused.value.http_status == 400
    assert message in refused.value.message


@pytest.mark.parametrize("path", ["/", "", "/v1", "/index", "/v2/models", "/v2/models/m/versions/x", "/v3/models/m"])
def test_other_paths_do_not_exist(path):
    # http_server.cc, RestApiRequestDispatcher: only (?i)/v1/.* is dispatched
    with pytest.raises(ServingError) as refused:
        parse_path("GET", path)
    assert refused.value.http_status == 404


@given(st.sampled_from(["GET", "POST", "HEAD", "get", ""]), st.text(st.characters(), max_size=60))
def test_any_path_is_a_call_or_refused(method, path):
    for prefix in ("", "/v1/models/", "/v1/models/m/versions/", "/v2/models/", "/v2/"):
        try:
            status = 200 if isinstance(parse_path(method, prefix + path), Route) else 0
        except ServingError as refused:
            status = refused.http_status
            refused.body().decode()
        assert status in (200, 400, 404)
