"""The words of an instance's own header: how its people, ids, days and places may be written in its texts (DESIGN 8)."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Callable, Collection, Iterator, MutableSequence

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from transforms.inspection.finding import InfoType
from transforms.inspection.folding import IDEOGRAPHS, folded, words
from transforms.inspection.terms import COMMON, Term, Terms
from transforms.inspection.values import NOT_STATED, is_utf8
from transforms.model.dictionary import vr_of

_IDS = """
    AccessionNumber AdmissionID DeviceSerialNumber FillerOrderNumberImagingServiceRequest InsurancePlanIdentification
    IssuerOfPatientID MedicalRecordLocator OtherPatientIDs PatientID PerformedProcedureStepID
    PlacerOrderNumberImagingServiceRequest RequestedProcedureID ScheduledProcedureStepID ServiceEpisodeID StationName StudyID
    """.split()
_PLACES = """
    CountryOfResidence CurrentPatientLocation InstitutionAddress InstitutionName PatientAddress PatientInstitutionResidence
    PersonAddress ReferringPhysicianAddress RegionOfResidence ResponsibleOrganization
    """.split()
_PHONES = "PatientTelephoneNumbers PersonTelephoneNumbers ReferringPhysicianTelephoneNumbers".split()
_BY_TAG = {
    tag_for_keyword(keyword): info_type
    for info_type, keywords in ((InfoType.GENERIC_ID, _IDS), (InfoType.LOCATION, _PLACES), (InfoType.PHONE_NUMBER, _PHONES))
    for keyword in keywords
}
_STUDY_ID = tag_for_keyword("StudyID")
"""A number that a machine counts its studies by."""
_VRS = frozenset({"PN", "DA", "DT"})
_LONGEST = 4096
"""Bytes; a longer value names nobody."""

_SHORTEST_NUMBER, _SHORTEST_ID = 4, 3
"""Digits, or letters and digits, of an id that means something inside a text."""
_SHORT_NAME = 2
"""Letters of a name that means something only by itself."""
_FOUR_BYTES = 4
"""Two letters of a script that has them in two bytes, read one by one."""
_PLACEHOLDER_DATES = frozenset({dt.date(1, 1, 1), dt.date(1800, 1, 1), dt.date(1900, 1, 1)})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "ß": "ss"})


def terms_of(dataset: Dataset, uids: Callable[[], Collection[str]] = frozenset) -> Terms:
    """The terms of a data set, from every depth, and these UIDs of it. The data set stays as it was read."""
    found: list[Term] = []
    whole: list[Term] = []
    ids: set[str] = set()
    counters: set[str] = set()
    verbatim: set[str] = set()
    for element in _elements(dataset, lambda tag, vr: vr in _VRS or tag in _BY_TAG):
        for value in _values(element):
            if element.VR == "PN":
                found += _name(value)
                whole += _short_names(value)
                verbatim.update(_no_words(value))
            elif element.VR in ("DA", "DT"):
                found += _date(value[:10])
            elif _BY_TAG[element.tag] is InfoType.GENERIC_ID:
                found += _id(value)
                whole += _short_id(value)
                (counters if element.tag == _STUDY_ID else ids).add(value.strip())
            else:
                found += _phrase(value, _BY_TAG[element.tag])
    return Terms(found, whole, uids, counters - ids, verbatim)


def values_of(dataset: Dataset, tags: Collection[int]) -> Iterator[str]:
    """The values of all elements with these tags, from every depth, as text. The data set stays as it was read."""
    for element in _elements(dataset, lambda tag, _vr: tag in tags):
        yield from _values(element)


def _elements(dataset: Dataset, wanted: Callable[[int, str], bool]) -> Iterator[DataElement]:
    """The elements wanted by tag and VR, at every depth, converted aside; sequences and bytes are none."""
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag, keep_deferred=True)
        vr = element.VR if element.VR and element.VR != "UN" else vr_of(int(tag)) or "UN"
        if vr == "SQ":
            for item in getattr(_converted(element, dataset), "value", None) or ():
                yield from _elements(item, wanted)
        elif wanted(int(tag), vr):
            converted = _converted(element, dataset)
            if converted is not None and not isinstance(converted.value, bytes):
                yield converted


def _converted(element: DataElement | RawDataElement, dataset: Dataset) -> DataElement | None:
    """None where the bytes do not fit the VR: what cannot be read names nothing."""
    if isinstance(element, DataElement):
        return element
    if element.value is None or (element.VR != "SQ" and element.VR is not None and len(element.value) > _LONGEST):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return convert_raw_data_element(element, encoding=_encoding(element, dataset), ds=dataset)
    except Exception:  # noqa: BLE001 - whatever a parser makes of foreign bytes; the walk decides what becomes of the element
        return None


def _encoding(element: RawDataElement, dataset: Dataset) -> str | MutableSequence[str]:
    """That of the data set; where it states none and the bytes are UTF-8, that, as the texts are read."""
    stated = dataset.original_character_set
    unstated = element.VR != "SQ" and stated in (NOT_STATED, [NOT_STATED])
    return "utf8" if unstated and is_utf8(element.value or b"") else stated


def _values(element: DataElement) -> list[str]:
    value = element.value
    return [str(one) for one in (value if isinstance(value, MultiValue | list) else [value]) if one is not None]


def _name(name: str) -> Iterator[Term]:
    """Words of all components of all three groups (PS3.5 6.2.1); initials only beside the family name, and glued as in log-in names."""
    for group in name.split("="):
        components = [[word.text for word in words(folded(part))] for part in re.split(r"[\^,]", group)]
        for spelled in (
            components,
            [[word.text for word in words(folded(part.lower().translate(_UMLAUTS)))] for part in re.split(r"[\^,]", group)],
        ):
            yield from _joined(spelled)
            yield from _name_words([[word for word in part if word not in COMMON] for part in spelled])


def _joined(components: list[list[str]]) -> Iterator[Term]:
    """Family and given name each written as one word, and both together."""
    whole = ["".join(part) for part in components if any(word not in COMMON for word in part)]
    both = [whole[0] + whole[1], whole[1] + whole[0]] if len(whole) > 1 else []
    for letters in (*whole, *both):
        if len(letters) >= (2 if letters >= IDEOGRAPHS else 4) and len(set(letters)) > 1 and not letters.isdigit():
            yield Term((letters,), InfoType.PERSON_NAME, 1.0)


def _name_words(components: list[list[str]]) -> Iterator[Term]:
    every = [word for part in components for word in part]
    for word in every:
        if len(word) >= (2 if word >= IDEOGRAPHS else 3) and len(set(word)) > 1 and not (word.isdigit() and len(word) < 5):
            yield Term((word,), InfoType.PERSON_NAME, 1.0)
    parts = [part for part in components[:2] if part]
    if len(parts) < 2:
        return
    family, given = parts
    for pair in ((*family, *given), (*given, *family), (family[-1], given[0]), (given[0], family[-1])):
        if sum(map(len, pair)) >= (2 if pair[0] >= IDEOGRAPHS else 4):
            yield Term(pair, InfoType.PERSON_NAME, 1.0)
            yield Term(("".join(pair),), InfoType.PERSON_NAME, 1.0)
    initial = given[0][0]
    if len(family[-1]) >= 3 and family[-1] < IDEOGRAPHS:
        for pair in ((initial, family[-1]), (family[-1], initial)):
            yield Term(pair, InfoType.PERSON_NAME, 1.0)
            yield Term(("".join(pair),), InfoType.PERSON_NAME, 0.95)


def _short_names(name: str) -> Iterator[Term]:
    """Words of two letters (Li, Bo): they name somebody where nothing stands beside them."""
    for word in words(folded(name)):
        if len(word.text) == _SHORT_NAME and word.text.isalpha() and word.text not in COMMON:
            yield Term((word.text,), InfoType.PERSON_NAME, 0.9)


def _no_words(name: str) -> Iterator[str]:
    """What is no word but marks and letters beyond ASCII, as a name is whose bytes are of another character set than the stated one."""
    for group in name.split("="):
        parts = [part.strip() for part in group.split("^")]
        for text in {*parts, "".join(parts[:2]), "".join(reversed(parts[:2]))}:
            strange = [character for character in text if not character.isascii()]
            if len(text) >= (2 if text >= IDEOGRAPHS else _FOUR_BYTES) and len(strange) > 1 and not all(map(str.isalpha, strange)):
                yield text


def _id(value: str) -> Iterator[Term]:
    """The id as it stands, its long numbers, and these without leading zeros."""
    whole = tuple(word.text for word in words(folded(value)))
    letters = "".join(whole)
    if len(set(letters)) < 2 or letters in COMMON:
        return
    if len(letters) >= (_SHORTEST_NUMBER if letters.isdigit() else _SHORTEST_ID) and not letters.isalpha():
        yield Term(whole, InfoType.GENERIC_ID, 1.0)
    if letters.isalpha() and len(letters) >= 6:
        yield Term(whole, InfoType.GENERIC_ID, 0.9)
    for word in whole:
        number = word.lstrip("0")
        if word.isdigit() and len(word) >= 6:
            yield Term((word,), InfoType.GENERIC_ID, 1.0)
        if word.isdigit() and len(number) >= (5 if letters.isdigit() else 6):
            yield Term((number,), InfoType.GENERIC_ID, 1.0)


def _short_id(value: str) -> Iterator[Term]:
    """The id as all of a value; one of one or two digits, or of one letter, is a number or mark like any other."""
    spelled = tuple(word.text for word in words(folded(value)))
    letters = "".join(spelled)
    if letters not in COMMON and len(set(letters)) > 1 and len(letters) >= (3 if letters.isdigit() else 2):
        yield Term(spelled, InfoType.GENERIC_ID, 0.9)


def _date(value: str) -> Iterator[Term]:
    """A day in spellings that no pattern would take for a date; those with marks or month names are found as patterns."""
    match = re.match(r"(\d{4})[.\-/]?(\d\d)[.\-/]?(\d\d)", value)
    try:
        day = dt.date(*map(int, match.groups())) if match else None
    except ValueError:
        day = None
    if day is None or day in _PLACEHOLDER_DATES:
        return
    year, month, date = f"{day.year:04}", f"{day.month:02}", f"{day.day:02}"
    for order in ((year, month, date), (date, month, year), (month, date, year)):
        yield Term(order, InfoType.DATE, 0.9)
        yield Term(tuple(number.lstrip("0") for number in order), InfoType.DATE, 0.9)
    for spelling in (year + month + date, date + month + year, month + date + year):
        yield Term((spelling,), InfoType.DATE, 1.0)
    for spelling in (year[2:] + month + date, date + month + year[2:], month + date + year[2:]):
        yield Term((spelling,), InfoType.DATE, 0.9)


def _phrase(value: str, info_type: InfoType) -> Iterator[Term]:
    """An address line by line, and whole."""
    for part in {value, *re.split(r"[,;\r\n^]", value)}:
        spelled = tuple(word.text for word in words(folded(part)))
        if len("".join(spelled)) >= 5 and not (len(spelled) == 1 and spelled[0] in COMMON):
            yield Term(spelled, info_type, 0.95)
