"""Cloud DLP's `content.inspect` as it is on the wire, over the service's own messages; finds the words of a small dictionary."""

import http.server
import json
import re
from contextlib import contextmanager

from google.cloud import dlp_v2
from on_loopback import listening

PARENT = "projects/p/locations/europe-west4"
MOST_BYTES, MOST_CELLS = 524_288, 50_000
REFUSALS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


class CloudDlpService:
    """What it knows, what it was asked, and how it is to answer."""

    def __init__(self):
        self.words = {"Rosamund Pike": "PERSON_NAME", "Köthen": "LOCATION", "Philips": "PERSON_NAME", "Baker": "PERSON_NAME"}
        self.known = {"PERSON_NAME", "LOCATION", "DATE", "MEDICAL_RECORD_NUMBER"}
        self.likelihood = "LIKELY"
        self.most_findings = 3000
        self.refusals = []
        """Statuses of the next answers; the last one stays where it is None's successor."""
        self.always = None
        """A status of all answers."""
        self.in_bytes = False
        """Whether places are told in bytes alone."""
        self.moved = 0
        """By how much they are told wrongly."""
        self.asked = []
        """The texts of each request that was answered."""
        self.info_types = []
        self.calls = 0

    def answer(self, path, body):
        """Status and JSON of one call."""
        self.calls += 1
        status = self.always or (self.refusals.pop(0) if self.refusals else 200)
        request = dlp_v2.InspectContentRequest.from_json(body)
        table = request.item.table
        if path.partition("?")[0] != f"/v2/{PARENT}/content:inspect":
            status = 403
        if len(body) > MOST_BYTES or len(table.rows) * len(table.headers) > MOST_CELLS or not request.inspect_config.info_types:
            status = 400
        if {"NO_SUCH_TYPE"} & {one.name for one in request.inspect_config.info_types}:
            status = 400
        texts = [row.values[0].string_value for row in table.rows]
        if status != 200:
            return status, json.dumps({"error": {"code": status, "message": f"cannot inspect {texts}", "status": REFUSALS[status]}})
        self.asked.append(texts)
        self.info_types = [one.name for one in request.inspect_config.info_types]
        findings = [finding for row, text in enumerate(texts) for finding in self._findings(row, text)]
        result = {"findings": findings[: self.most_findings], "findings_truncated": len(findings) > self.most_findings}
        return 200, dlp_v2.InspectContentResponse.to_json(dlp_v2.InspectContentResponse(result=result))

    def _findings(self, row, text):
        for word, info_type in self.words.items():
            for match in re.finditer(re.escape(word), text):
                if info_type in self.info_types:
                    start, end = (at + self.moved for at in match.span())
                    byte_range = {"start": len(text[:start].encode()), "end": len(text[:end].encode())}
                    place = {"record_location": {"field_id": {"name": "text"}, "table_location": {"row_index": row}}}
                    location = {"byte_range": byte_range, "content_locations": [place]}
                    if not self.in_bytes:
                        location["codepoint_range"] = {"start": start, "end": end}
                    yield {"info_type": {"name": info_type}, "likelihood": self.likelihood, "location": location}


@contextmanager
def serving(service):
    """The service at a URL on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            status, text = service.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with listening(Handler) as url:
        yield f"{url}/"
