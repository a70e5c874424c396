"""The preflight against a server that answers as BigQuery's REST API does."""

import http.server
import json

import pytest
from on_loopback import listening

from transforms.bigquery.operation import TableTarget
from transforms.bigquery.preflight import UPDATE, check_bigquery_table
from transforms.model.errors import PreflightError

TABLE = "my-project:research.Provenance"
DATASET = "/bigquery/v2/projects/my-project/datasets/research"


@pytest.fixture
def check():
    """Ask a server that knows these paths: path to (status, body); 404 for any other."""
    answers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = answers.get(self.path.partition("?")[0], (404, {"error": {"code": 404, "message": "SECRET"}}))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args):
            pass

    for method in ("GET", "POST"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    with listening(Handler) as url:
        target = TableTarget(TABLE, endpoint=url)

        def check(**known):
            answers.update({DATASET + path.replace("_", "/"): answer for path, answer in known.items()})
            check_bigquery_table(target)

        yield check


def known(name=""):
    reference = {"projectId": "my-project", "datasetId": "research", **({"tableId": name} if name else {})}
    return 200, {"tableReference" if name else "datasetReference": reference}


def test_a_table_that_will_be_made_or_takes_rows_passes(check):
    check(**{"": known()})
    check(
        **{
            "": known(),
            "_tables_Provenance": known("Provenance"),
            "_tables_Provenance:testIamPermissions": (200, {"permissions": [UPDATE]}),
        }
    )


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "dataset is not there; make it"),
        ({"": (403, {})}, "may not read its dataset; grant"),
        ({"": (503, {})}, "no answer"),
        (
            {"": known(), "_tables_Provenance": known("Provenance"), "_tables_Provenance:testIamPermissions": (200, {})},
            "updateData is missing",
        ),
    ],
)
def test_each_lack_is_one_sentence_that_names_table_and_mend(check, answers, says):
    with pytest.raises(PreflightError, match=says) as caught:
        check(**answers)
    assert TABLE in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_without_credentials_nothing_is_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(PreflightError, match="gcloud auth application-default login"):
        check_bigquery_table(TableTarget(TABLE))
