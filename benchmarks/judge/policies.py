"""The policies that the planter knows, and what each leaves: from PS3.15 Table E.1-1, E.2 and E.3, and the API's documentation."""

from __future__ import annotations

BASIC, DATES, STRUCTURED, CONTENTS = "basic", "dates", "structured", "contents"
"""The Basic Profile; with Clean Descriptors and Modified Dates; with Clean Structured Content and Clean Graphics too;
DEIDENTIFY_TAG_CONTENTS, which leaves every attribute and takes identity out of its text."""
RETAINED, MINIMAL, LISTED = "retained", "minimal", "listed"
"""The Basic Profile with Clean Descriptors and the options that retain UIDs, device and institution identity, patient characteristics
and full dates; MINIMAL_KEEP_LIST_PROFILE; a keepList of `KEPT` and the sequences `KEPT_SEQUENCES`."""

POLICIES = (BASIC, DATES, STRUCTURED, CONTENTS, RETAINED, MINIMAL, LISTED)
CLEANED = (DATES, STRUCTURED, CONTENTS, RETAINED)
"""Policies that leave descriptions, without what identifies in them."""
SHIFTED = (DATES, STRUCTURED, CONTENTS)
"""Policies that move dates."""
BY_TABLE = (BASIC, DATES, STRUCTURED)
"""Policies under which an attribute of Table E.1-1 loses its value whatever it is, and what the table does not name stays."""
BUT_RETAINED = tuple(policy for policy in POLICIES if policy != RETAINED)
WHOLE = (*BY_TABLE, CONTENTS, RETAINED)
"""Policies that leave what says nothing of a person."""

NEEDED = frozenset(
    """Modality Rows Columns SamplesPerPixel PhotometricInterpretation BitsStored WindowCenter WindowWidth ImageType PixelSpacing
    ImagePositionPatient ImageOrientationPatient RescaleIntercept RescaleSlope""".split()
)
"""Without these a CT slice is no CT slice (PS3.3 C.7.6.2, C.7.6.3, C.8.2.1), or the API says that no profile takes them away."""
KEPT = NEEDED | frozenset("InstanceNumber SeriesNumber Manufacturer BodyPartExamined KVP SliceThickness RescaleType PatientSex".split())
KEPT_SEQUENCES = frozenset(
    """AnatomicRegionSequence ViewCodeSequence SourceImageSequence ReferencedImageSequence
    CurrentRequestedProcedureEvidenceSequence""".split()
)


def leave(keyword: str) -> tuple[str, ...]:
    """The policies that leave an attribute that says nothing of a person."""
    return (*WHOLE, *((MINIMAL,) if keyword in NEEDED else ()), *((LISTED,) if keyword in KEPT | KEPT_SEQUENCES else ()))
