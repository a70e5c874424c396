"""Names, places and what else Cloud DLP (Sensitive Data Protection) knows, in the place of the local language engine.

Many texts go in one request, a row of a table each; quotes are not asked back. Source: DLP API v2, `content.inspect`, and its limits:
0.5 MB and 50,000 cells a request, 3,000 findings an answer. What cannot be inspected fails its instance: nothing passes unseen.
"""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from google.api_core import exceptions as answers
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import dlp_v2
from google.cloud.dlp_v2.services.dlp_service.transports import DlpServiceRestTransport
from requests.exceptions import RequestException

from transforms.inspection.allowed import is_eponym, without_allowed
from transforms.inspection.finding import TextFinding
from transforms.model.endpoints import rest_endpoint
from transforms.model.errors import InstanceProblem, PreflightError

OPTION = "--dlp_parent"
PATIENCE = 300.0
"""Seconds in which a request is tried again, where the quota is used up or the service does not answer."""
_ANSWERS_IN = 60.0
"""Seconds for one try."""
_PREFLIGHT = 15.0
MOST_BYTES = 450_000
"""Of the rows in a request as JSON; the rest of the 0.5 MB is for what stands around them. So there are never 50,000 of them."""
AROUND = 120
"""Bytes of JSON around the text of a row, as the client writes it."""

CONFIDENCE = {1: 0.1, 2: 0.3, 3: 0.5, 4: 0.75, 5: 0.95}
"""Of DLP's likelihoods, VERY_UNLIKELY to VERY_LIKELY; POSSIBLE is the least that it reports by itself."""
_POSSIBLE = 0.5

_PASSING = (
    answers.TooManyRequests,
    answers.InternalServerError,
    answers.BadGateway,
    answers.ServiceUnavailable,
    answers.GatewayTimeout,
    TransportError,
    RequestException,
)
"""What is worth another try."""


class CloudDlp:
    """The service in one project and location, asked for these infoTypes; for any number of threads."""

    def __init__(self, parent: str, info_types: frozenset[str], patience: float = PATIENCE) -> None:
        """`parent`: `projects/P/locations/L`; `patience` in seconds. Credentials are Application Default Credentials."""
        self._parent, self._info_types = parent, sorted(info_types)
        self.requests = 0
        """How many requests it was sent; one that is tried again counts once."""
        self._counting = threading.Lock()
        self._retry = Retry(predicate=if_exception_type(*_PASSING), initial=1.0, maximum=32.0, multiplier=2.0, timeout=patience)

    def find_all(self, texts: Sequence[str]) -> list[list[TextFinding]]:
        """What stands in each of the texts, asked with as few requests as they fit in; the allow-list holds here too.

        Raises InstanceProblem (stage `inspection`): INSPECTION_QUOTA, INSPECTION_UNAVAILABLE, INSPECTION_REFUSED, INSPECTION_UNREADABLE.
        """
        found: dict[str, list[TextFinding]] = {text: [] for text in texts}
        for batch in batches([text for text in found if self._info_types and _may_name(text)]):
            for text, here in self._inspected(batch):
                found[text] = [one for raw in here if (one := _without_allowed(text, raw)) is not None]
        return [found[text] for text in texts]

    def _inspected(self, texts: Sequence[str]) -> Iterator[tuple[str, list[TextFinding]]]:
        """Each text with what the service finds in it; an answer that is cut short is asked for again by halves."""
        result = self._asked(texts)
        if not result.findings_truncated:
            yield from zip(texts, _by_row(result, texts), strict=True)
        elif len(texts) > 1:
            half = len(texts) // 2
            yield from self._inspected(texts[:half])
            yield from self._inspected(texts[half:])
        else:
            raise InstanceProblem("inspection", "INSPECTION_UNREADABLE", "Cloud DLP tells only a part of what it finds in a text")

    def _asked(self, texts: Sequence[str]) -> dlp_v2.InspectResult:
        rows = [{"values": [{"string_value": _writable(text)}]} for text in texts]
        config = {"info_types": [{"name": name} for name in self._info_types], "min_likelihood": dlp_v2.Likelihood.POSSIBLE}
        request = {"parent": self._parent, "inspect_config": config, "item": {"table": {"headers": [{"name": "text"}], "rows": rows}}}
        with self._counting:
            self.requests += 1
        with _told():
            return self._client.inspect_content(request=request, retry=self._retry, timeout=_ANSWERS_IN).result

    @functools.cached_property
    def _client(self) -> Any:
        transport = DlpServiceRestTransport(**rest_endpoint("DLP", "dlp.googleapis.com", OPTION))
        return dlp_v2.DlpServiceClient(transport=transport)


def check_dlp(parent: str, info_types: frozenset[str]) -> None:
    """Raise PreflightError unless the service inspects a text for us, and knows the infoTypes."""
    try:
        CloudDlp(parent, info_types, _PREFLIGHT).find_all(["preflight 1"])
    except InstanceProblem as problem:
        mend = "check the name, your credentials, that dlp.content.inspect is granted there, and the config's infoTypes"
        raise PreflightError(OPTION, problem.sentence, mend, parent) from None


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in their order, cut where a request would be too large."""
    batch: list[str] = []
    size = 0
    for text in texts:
        more = len(json.dumps(text)) + AROUND
        if batch and size + more > MOST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += more
    if batch:
        yield batch


def _by_row(result: dlp_v2.InspectResult, texts: Sequence[str]) -> list[list[TextFinding]]:
    found: list[list[TextFinding]] = [[] for _ in texts]
    for finding in result.findings:
        confidence = CONFIDENCE.get(int(finding.likelihood), _POSSIBLE)
        rows = [place.record_location.table_location.row_index for place in finding.location.content_locations]
        for row in rows:
            if not 0 <= row < len(texts):
                raise _unreadable()
            found[row].append(TextFinding(*_span(finding.location, texts[row]), finding.info_type.name, confidence, "dlp"))
        if not rows:
            raise _unreadable()
    return found


def _span(location: dlp_v2.Location, text: str) -> tuple[int, int]:
    """Characters of the text: code points as the service counts them, else its bytes of UTF-8."""
    if "codepoint_range" in location:
        start, end = location.codepoint_range.start, location.codepoint_range.end
    else:
        encoded = _writable(text).encode()
        start = len(encoded[: location.byte_range.start].decode(errors="ignore"))
        end = len(text) - len(encoded[location.byte_range.end :].decode(errors="ignore"))
    if not 0 <= start < end <= len(text):
        raise _unreadable()
    return start, end


def _unreadable() -> InstanceProblem:
    return InstanceProblem("inspection", "INSPECTION_UNREADABLE", "Cloud DLP names a place that is not in the texts it was sent")


def _writable(text: str) -> str:
    """As long as the text, but with a mark for what UTF-8 cannot write (half of a surrogate pair)."""
    return text.encode(errors="replace").decode()


def _may_name(text: str) -> bool:
    """Whether there is anything but words that name nobody; a number may always."""
    return any(map(str.isdigit, text)) or without_allowed(text, 0, len(text)) is not None


def _without_allowed(text: str, finding: TextFinding) -> TextFinding | None:
    """The finding without allowed words at its ends; None if no other word is left, or if a single one names a disease or device."""
    if any(map(str.isdigit, text[finding.start : finding.end])):
        return finding
    span = without_allowed(text, finding.start, finding.end)
    if span is None or (" " not in text[slice(*span)] and is_eponym(text, *span)):
        return None
    return TextFinding(*span, finding.info_type, finding.confidence, finding.by)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What the library raises, as one sentence; its own may quote the texts."""
    try:
        yield
    except (answers.GoogleAPIError, GoogleAuthError, RequestException) as error:
        cause = error.cause if isinstance(error, answers.RetryError) else error
        if isinstance(cause, answers.TooManyRequests):
            code, why = "INSPECTION_QUOTA", "the quota of Cloud DLP stayed used up"
        elif isinstance(cause, _PASSING):
            code, why = "INSPECTION_UNAVAILABLE", "Cloud DLP did not answer"
        else:
            code, why = "INSPECTION_REFUSED", "Cloud DLP does not take the request"
        raise InstanceProblem("inspection", code, f"{why} ({type(cause).__name__})") from None
