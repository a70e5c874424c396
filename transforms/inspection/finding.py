"""One thing found in a text, under DLP's infoType names, and how overlapping ones are settled.

Names: Sensitive Data Protection's infoType reference; the default DICOM set and those the API's page shows.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable


class InfoType(enum.StrEnum):
    """The infoTypes the local engine can tell, and those that Cloud DLP is asked for unless the config names others."""

    AGE = "AGE"
    CREDIT_CARD_NUMBER = "CREDIT_CARD_NUMBER"
    DATE = "DATE"
    EMAIL_ADDRESS = "EMAIL_ADDRESS"
    GENERIC_ID = "GENERIC_ID"
    IP_ADDRESS = "IP_ADDRESS"
    LOCATION = "LOCATION"
    MAC_ADDRESS = "MAC_ADDRESS"
    PASSPORT = "PASSPORT"
    PERSON_NAME = "PERSON_NAME"
    PHONE_NUMBER = "PHONE_NUMBER"
    SWIFT_CODE = "SWIFT_CODE"
    URL = "URL"
    US_DRIVERS_LICENSE_NUMBER = "US_DRIVERS_LICENSE_NUMBER"
    US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER = "US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER"
    US_SOCIAL_SECURITY_NUMBER = "US_SOCIAL_SECURITY_NUMBER"
    US_VEHICLE_IDENTIFICATION_NUMBER = "US_VEHICLE_IDENTIFICATION_NUMBER"


CONTEXT = "CTX"
"""What Clean Descriptors finds besides: a phrase that is the whole value of an identifying attribute of the same header (the API's
`[CTX]`). No infoType that a config could name: it is always replaced by its name."""

UID = "UID"
"""A UID of the header itself that the plan replaces: the new one stands in its place wherever it fits. No infoType that a config could
name either."""


@dataclasses.dataclass(frozen=True, slots=True)
class TextFinding:
    """A stretch of text that is not to be published. Characters of the decoded text, half open: start <= i < end."""

    start: int
    end: int
    info_type: str
    confidence: float
    """0 to 1."""
    by: str
    """`term` (in the instance's own header), `pattern`, `ner` or `dlp`."""

    def moved(self, by: int) -> TextFinding:
        """The same finding in a text that begins `by` characters earlier."""
        return dataclasses.replace(self, start=self.start + by, end=self.end + by)


def settled(findings: Iterable[TextFinding]) -> list[TextFinding]:
    """The findings in order and without overlap, covering every character that any of them covers.

    Where two overlap the better one names the infoType of both: more confident, then longer, then given first.
    """
    ranked = sorted(enumerate(findings), key=lambda pair: (-pair[1].confidence, pair[1].start - pair[1].end, pair[0]))
    taken: list[TextFinding] = []
    for _, finding in ranked:
        beside = [other for other in taken if other.start < finding.end and finding.start < other.end]
        if not beside:
            taken.append(finding)
            continue
        taken = [other for other in taken if other not in beside]
        start = min(finding.start, *(other.start for other in beside))
        end = max(finding.end, *(other.end for other in beside))
        taken.append(dataclasses.replace(beside[0], start=start, end=end))
    return sorted(taken, key=lambda finding: finding.start)
