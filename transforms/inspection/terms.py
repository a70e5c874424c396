"""The words by which the header of an instance names its own people, places, ids and dates, looked for in its own texts (DESIGN 8).

They are the surest there is: a name in a description is most often the name in PatientName.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from transforms.inspection.allowed import without_allowed
from transforms.inspection.finding import CONTEXT, InfoType, TextFinding
from transforms.inspection.folding import IDEOGRAPHS, Folded, Word, fold, folded, words

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
_VRS = frozenset({"PN", "DA", "DT"})
_LONGEST = 4096
"""Bytes; a longer value names nobody."""

_COMMON = frozenset(
    """
    admin administrator anon anonymised anonymized anonymous available ct dcm default deidentified demo dicom doctor dummy empty
    enter example female first fname given image last lname male missing mr mrn name new nobody none normal not null operator
    other patient phantom physician private provided pseudonym public qa qc radiologist redacted removed research sample
    series service specified study subject technician technologist test testing text undefined unknown unnamed unspecified
    us user value volunteer
    and bin das dei del della der des die dos dr ii iii jr las los md mme mrs phd prof sir sr the van von
    """.split()
)
"""Placeholders, roles, and the particles and titles of names: they name nobody."""
_PLACEHOLDER_DATES = frozenset({dt.date(1, 1, 1), dt.date(1800, 1, 1), dt.date(1900, 1, 1)})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "ß": "ss"})
_GAP = 3
"""Characters between two words of one term, at most."""
_CUT = 3
"""Letters that a term over several words must have of each that it does not cover."""
_FORMS = {
    "DS": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?"),
    "IS": re.compile(r"[+-]?\d+"),
    "TM": re.compile(r"\d\d(?::?\d\d){0,2}(?:\.\d+)?"),
    "UI": re.compile(r"\d+(?:\.\d+)+"),
}
"""Numbers (PS3.5 6.2): in a value of this form an id or day counts only if it is a whole component. In any other it is text."""
_DAY = 8
"""Digits of a day that is written out, as no number or time of day is by chance."""


class Term(NamedTuple):
    """One way to write something of the header: words in this order, whatever parts them."""

    words: tuple[str, ...]
    info_type: str
    confidence: float


class Terms:
    """The terms of one instance, ready to be looked for."""

    def __init__(self, terms: Iterable[Term], whole: Iterable[str] = ()) -> None:
        """`whole`: folded values that count only alone, being too short to mean anything inside a text."""
        best: dict[tuple[str, ...], Term] = {}
        for term in terms:
            if term.words and term.confidence > best.get(term.words, Term((), InfoType.GENERIC_ID, 0)).confidence:
                best[term.words] = term
        self._all = tuple(best.values())
        self._by_first: defaultdict[str, list[Term]] = defaultdict(list)
        for term in best.values():
            self._by_first[term.words[0]].append(term)
        self._glued = [term for term in best.values() if term.info_type != CONTEXT and _may_be_glued(term.words)]
        self._whole = frozenset(whole)

    def __iter__(self) -> Iterator[Term]:
        """Every term, each spelling once."""
        return iter(self._all)

    def find(self, text: str, vr: str) -> list[TextFinding]:
        """Where the terms stand in one value of this VR; findings may overlap."""
        readable = folded(text)
        in_order = words(readable)
        if vr in _FORMS and _FORMS[vr].fullmatch(text.strip(" \0")):
            return [one for one in self._in_words(in_order) if _counts_in_number(one) and _is_component(text, one)]
        found = [*self._in_words(in_order), *self._inside_words(readable)]
        if vr not in {"AS", "CS"} and readable.text.strip() in self._whole:
            found.append(TextFinding(0, len(text), InfoType.GENERIC_ID, 0.9, "term"))
        return found

    def _in_words(self, in_order: list[Word]) -> Iterator[TextFinding]:
        for at, word in enumerate(in_order):
            for term in self._by_first.get(word.text, ()):
                run = in_order[at : at + len(term.words)]
                same = len(run) == len(term.words) and all(mine == theirs.text for mine, theirs in zip(term.words, run, strict=True))
                if same and all(after.start - before.end <= _GAP for before, after in itertools.pairwise(run)):
                    yield TextFinding(word.start, run[-1].end, term.info_type, term.confidence, "term")

    def _inside_words(self, readable: Folded) -> Iterator[TextFinding]:
        """Long terms inside other words, whatever little parts them."""
        places = [place for place, character in enumerate(readable.text) if character.isalnum()]
        bare = "".join(readable.text[place] for place in places)
        for term in self._glued:
            letters = "".join(term.words)
            at = bare.find(letters)
            while at >= 0:
                run = places[at : at + len(letters)]
                if all(after - before <= _GAP + 1 for before, after in itertools.pairwise(run)) and not _cuts(readable.text, run):
                    yield TextFinding(readable.at[run[0]], readable.end(run[-1]), term.info_type, term.confidence, "term")
                at = bare.find(letters, at + 1)


def phrases(values: Iterable[str]) -> Terms:
    """The values that mean something as a phrase, to be replaced by `[CTX]`: no placeholders, no word of the allow-list alone."""
    spelled = ((value, tuple(word.text for word in words(folded(value)))) for value in values)
    return Terms(Term(one, CONTEXT, 1.0) for value, one in spelled if _is_phrase(value, one))


def _is_phrase(value: str, spelled: tuple[str, ...]) -> bool:
    letters = "".join(spelled)
    long_enough = len(letters) >= (2 if letters >= IDEOGRAPHS else 5 if letters.isdigit() else 3)
    tells = any(map(str.isdigit, letters)) or without_allowed(value, 0, len(value)) is not None
    return long_enough and tells and len(set(letters)) > 1 and not all(word in _COMMON for word in spelled)


def terms_of(dataset: Dataset) -> Terms:
    """The terms of a data set, from every depth. The data set stays as it was read."""
    found: list[Term] = []
    whole: set[str] = set()
    for element in _elements(dataset, lambda tag, vr: vr in _VRS or tag in _BY_TAG):
        for value in _values(element):
            if element.VR == "PN":
                found += _name(value)
            elif element.VR in ("DA", "DT"):
                found += _date(value[:10])
            elif _BY_TAG[element.tag] is InfoType.GENERIC_ID:
                found += _id(value)
                whole |= {fold(value.strip())} if len(value.strip()) >= 2 and fold(value.strip()) not in _COMMON else set()
            else:
                found += _phrase(value, _BY_TAG[element.tag])
    return Terms(found, whole)


def values_of(dataset: Dataset, tags: Collection[int]) -> Iterator[str]:
    """The values of all elements with these tags, from every depth, as text. The data set stays as it was read."""
    for element in _elements(dataset, lambda tag, _vr: tag in tags):
        yield from _values(element)


def _elements(dataset: Dataset, wanted: Callable[[int, str], bool]) -> Iterator[DataElement]:
    """The elements wanted by tag and VR, at every depth, converted aside; sequences and bytes are none."""
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag, keep_deferred=True)
        vr = element.VR if element.VR and element.VR != "UN" else dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
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
            return convert_raw_data_element(element, encoding=dataset.original_character_set, ds=dataset)
    except Exception:  # noqa: BLE001 - whatever a parser makes of foreign bytes; the walk decides what becomes of the element
        return None


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
            yield from _name_words([[word for word in part if word not in _COMMON] for part in spelled])


def _joined(components: list[list[str]]) -> Iterator[Term]:
    """Family and given name each written as one word, and both together."""
    whole = ["".join(part) for part in components if any(word not in _COMMON for word in part)]
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


def _id(value: str) -> Iterator[Term]:
    """The id as it stands, its long numbers, and these without leading zeros."""
    whole = tuple(word.text for word in words(folded(value)))
    letters = "".join(whole)
    if len(set(letters)) < 2 or letters in _COMMON:
        return
    if len(letters) >= (5 if letters.isdigit() else 4) and not letters.isalpha():
        yield Term(whole, InfoType.GENERIC_ID, 1.0)
    if letters.isalpha() and len(letters) >= 6:
        yield Term(whole, InfoType.GENERIC_ID, 0.9)
    for word in whole:
        number = word.lstrip("0")
        if word.isdigit() and len(word) >= 6:
            yield Term((word,), InfoType.GENERIC_ID, 1.0)
        if word.isdigit() and len(number) >= (5 if letters.isdigit() else 6):
            yield Term((number,), InfoType.GENERIC_ID, 1.0)


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
        if len("".join(spelled)) >= 5 and not (len(spelled) == 1 and spelled[0] in _COMMON):
            yield Term(spelled, info_type, 0.95)


def _may_be_glued(spelled: tuple[str, ...]) -> bool:
    """Whether a term is long enough to be recognised inside a longer word."""
    letters = "".join(spelled)
    return letters >= IDEOGRAPHS or len(letters) >= (8 if any(map(str.isdigit, letters)) else 6)


def _cuts(text: str, run: list[int]) -> bool:
    """Whether a run over several words takes no more than two letters off the first or last of them, as in `Kowalczyk w|ith`."""
    gaps = [at for at, (before, after) in enumerate(itertools.pairwise(run), 1) if after - before > 1]
    if not gaps:
        return False
    first = gaps[0] < _CUT and run[0] > 0 and text[run[0] - 1].isalnum()
    return first or (len(run) - gaps[-1] < _CUT and text[run[-1] + 1 : run[-1] + 2].isalnum())


def _counts_in_number(finding: TextFinding) -> bool:
    is_day = finding.info_type is InfoType.DATE and finding.end - finding.start == _DAY
    return is_day or finding.info_type is InfoType.GENERIC_ID


def _is_component(text: str, finding: TextFinding) -> bool:
    """Whether nothing but a dot or an end stands beside it, as between the components of a UID."""
    return text[finding.start - 1 : finding.start] in ("", ".", " ") and text[finding.end : finding.end + 1] in ("", ".", " ")
