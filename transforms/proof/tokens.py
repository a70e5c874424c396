"""The words by which a source instance could be recognised: names, ids, birth date, UIDs (DESIGN 17; PS3.15 E.1).

Too short or too common a word proves nothing, and each false hold costs a person's time. So every token has a reach
that says where its presence means something, and `_COMMON` lists words that stand in names and ids without naming anyone.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from transforms.model.dictionary import keyword_of, vr_of


class TokenKind(enum.StrEnum):
    """What a token is; the words are those of a hold's sentence."""

    NAME = "a person's name"
    ID = "an identifier"
    BIRTH_DATE = "the birth date"
    UID = "a UID"


class Reach(enum.Enum):
    """What a token must meet in a text to count as found."""

    ANYWHERE = 1
    WORD = 2
    """No letter or digit beside it; a space in it stands for whatever parts two words."""
    VALUE = 3
    """Alone in the value of a text element (not of a code or number)."""
    UID = 4
    """No digit or dot-and-digit beside it, so that a UID's prefix is not that UID."""
    BYTES = 5
    """Anywhere among bytes, which are its spelling in Latin-1, whatever text they are."""


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """One word of the source."""

    kind: TokenKind
    text: str = dataclasses.field(repr=False)
    """Folded (`fold`)."""
    reach: Reach
    spelling: str = dataclasses.field(repr=False)
    """As it would be written, for the search of raw bytes."""


INSTANCE_UIDS = frozenset(
    """
    FailedSOPInstanceUIDList MediaStorageSOPInstanceUID MultiFrameSourceSOPInstanceUID ReferencedSOPInstanceUID
    ReferencedSOPInstanceUIDInFile SOPInstanceUID SOPInstanceUIDOfConcatenationSource SeriesInstanceUID StudyInstanceUID
    """.split()
)
"""Elements that name a study, series or instance, this one or another: kept or regenerated together, so that references resolve."""

_UIDS_OF_KINDS = frozenset(
    """
    AvailableTransferSyntaxUID CodingSchemeUID ContextGroupExtensionCreatorUID ContextUID CreatorVersionUID
    EncryptedContentTransferSyntaxUID FlowTransferSyntaxUID MACCalculationTransferSyntaxUID MappingResourceUID
    OriginalSpecializedSOPClassUID PertinentSOPClassesInSeries PertinentSOPClassesInStudy ReferencedSOPClassUID
    RelatedGeneralSOPClassUID SOPClassUID SOPClassesInStudy SOPClassesSupported StoredInstanceTransferSyntaxUID
    """.split()
)
"""Elements whose UIDs name a class, encoding or vocabulary. All others of PS3.6 name a person, thing or event."""

_IDS = frozenset(
    """
    AccessionNumber AdmissionID FillerOrderNumberImagingServiceRequest InsurancePlanIdentification MedicalRecordLocator
    OtherPatientIDs PatientID PerformedProcedureStepID PlacerOrderNumberImagingServiceRequest RequestedProcedureID
    ScheduledProcedureStepID ServiceEpisodeID StudyID
    """.split()
)

_BIRTH_DATE = "PatientBirthDate"

_COMMON = frozenset(
    """
    admin administrator anon anonymised anonymized anonymous available dcm default deidentified demo dicom doctor dummy empty
    enter example female first fname given image last lname male missing mrn name new nobody none normal not null operator
    other patient phantom physician private provided pseudonym public qa qc radiologist redacted removed research sample
    series service specified study subject technician technologist test testing text undefined unknown unnamed unspecified
    user value volunteer
    and bin das dei del della der des die dos dr jr las los md mme mrs phd prof sir sr the van von
    """.split()
)
"""Placeholders and roles, and the particles and titles of names."""

_PLACEHOLDER_DATES = frozenset({dt.date(1, 1, 1), dt.date(1800, 1, 1), dt.date(1900, 1, 1)})
_OF_THE_STANDARD = re.compile(r"1\.2\.840\.10008(\.\d{1,4})+")
"""No number in a UID that PS3.6 registers has five digits."""
_POINTS = 3
"""Points in a UID that no number, date or version of two or three parts has."""
_MONTHS = "january february march april may june july august september october november december".split()
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_LONGEST = 4096
"""Bytes of a value that could name somebody."""
_UTF8 = python_encoding["ISO_IR 192"]
_FEWEST_BYTES = 4
"""Two letters of a script that has them in two bytes."""
_IDEOGRAPHS = "\u2e80"
"""From here on a letter of CJK, kana or Hangul, of which two are enough for a name."""


def fold(text: str) -> str:
    """One spelling for what readers take for the same: NFKD without accents, recomposed, case folded."""
    if text.isascii():
        return text.lower()
    bare = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    return unicodedata.normalize("NFC", bare).casefold()


def tokens_of(source: Dataset, keep: frozenset[str] = frozenset()) -> tuple[Token, ...]:
    """The tokens of a source data set, from every depth, longest first. `keep`: UIDs that the plan leaves as they are."""
    found: dict[tuple[str, Reach], Token] = {}
    for element in elements(source):
        for token in _of_element(element):
            if token.spelling not in keep:
                found.setdefault((token.text, token.reach), token)
    return tuple(sorted(found.values(), key=lambda token: (-len(token.text), token.text)))


def instance_uids(source: Dataset) -> frozenset[str]:
    """The UIDs of studies, series and instances that a data set names, at every depth."""
    named = (element for element in elements(source) if keyword_of(int(element.tag)) in INSTANCE_UIDS)
    return frozenset(str(value).strip(" \0") for element in named for value in values(element))


def tokens_where(source: Dataset, chosen: Callable[[tuple[int, ...], str, str], bool], above: tuple[int, ...] = ()) -> Iterator[Token]:
    """The tokens of the elements that are chosen; `chosen` is asked by path, VR and private creator."""
    for tag in list(source.keys()):
        element, path = readable(source, tag), (*above, int(tag))
        if element is None:
            continue
        if element.VR == "SQ":
            for item in element.value or ():
                yield from tokens_where(item, chosen, path)
        elif chosen(path, element.VR, element.private_creator or ""):
            yield from _of_element(element)


def uid_tokens(uids: Iterable[str]) -> tuple[Token, ...]:
    """Tokens for UIDs, without those of the standard; one of two or three short numbers counts only as a whole value."""
    return tuple(
        Token(TokenKind.UID, uid, Reach.UID if len(uid) >= 10 or uid.count(".") >= _POINTS else Reach.VALUE, uid)
        for uid in sorted({*uids})
        if "." in uid and not _OF_THE_STANDARD.fullmatch(uid)
    )


def elements(dataset: Dataset) -> Iterator[DataElement]:
    """The elements of a data set at every depth that can be read at all."""
    for tag in list(dataset.keys()):
        element = readable(dataset, tag)
        if element is None:
            continue
        if element.VR == "SQ":
            for item in element.value or ():
                yield from elements(item)
        else:
            yield element


def readable(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """One element, or None where its bytes do not fit its VR."""
    try:
        return dataset[tag]
    except Exception:  # noqa: BLE001 - whatever a parser makes of foreign bytes; the raw search still sees them
        return None


def values(element: DataElement) -> list[Any]:
    """The values of an element that is no sequence, none if it is empty."""
    value = element.value
    if value is None or isinstance(value, bytes | memoryview):
        return []
    return list(value) if element.VM > 1 else [value]


def _of_element(element: DataElement) -> Iterator[Token]:
    keyword = keyword_of(int(element.tag))
    vr = element.VR if not isinstance(element.value, bytes) or not keyword else vr_of(int(element.tag))
    texts = [text.strip(" \0") for text in _texts(element)] if vr in {"PN", "UI"} or keyword in _IDS or keyword == _BIRTH_DATE else []
    if vr == "PN":
        for text in texts:
            yield from _name(text)
        yield from _coded_names(element)
    elif keyword in _IDS:
        for text in texts:
            yield from _identifier(text)
    elif keyword == _BIRTH_DATE:
        for text in texts:
            yield from _date(text)
    elif vr == "UI" and keyword and keyword not in _UIDS_OF_KINDS:
        yield from uid_tokens(texts)


def _texts(element: DataElement) -> list[str]:
    """The values as text, even where the file calls it bytes; Latin-1 if it is no UTF-8."""
    if not isinstance(element.value, bytes) or len(element.value) > _LONGEST:
        return [str(value) for value in values(element)]
    try:
        return element.value.decode().split("\\")
    except UnicodeDecodeError:
        return element.value.decode("latin-1").split("\\")


def _name(name: str) -> Iterator[Token]:
    """Words of all components of all three groups (PS3.5 6.2.1), and family and given name written as one."""
    for group in unicodedata.normalize("NFC", name).split("="):
        words = [re.findall(r"[^\W_]+", component) for component in group.split("^")]
        whole = ["".join(component) for component in words if any(fold(word) not in _COMMON for word in component)]
        candidates = [word for component in words for word in component] + whole
        if len(whole) > 1:
            candidates += [whole[0] + whole[1], whole[1] + whole[0]]
        spellings = [spelling for word in candidates for spelling in {word, word.lower().translate(_UMLAUTS)}]
        for spelling in spellings:
            yield from _word(spelling)
        if all(_is_short(word) for component in words for word in component):
            yield from _phrase([word for component in words[:2] for word in component])


def _coded_names(element: DataElement) -> Iterator[Token]:
    """The bytes of names beyond ASCII as they stand, by which one is found whose character set is not the stated one."""
    for name in element.value.split(b"\\") if isinstance(element.value, bytes) else _as_read(element):
        for group in name.split(b"=") if len(name) <= _LONGEST else ():
            parts = [part.strip(b" \0") for part in group.split(b"^")]
            for part in dict.fromkeys((*parts, b"".join(parts[:2]), b"".join(parts[1::-1]))):
                if len(part) >= _FEWEST_BYTES and sum(byte > 127 for byte in part) > 1:
                    spelling = part.decode("latin-1")
                    yield Token(TokenKind.NAME, spelling, Reach.BYTES, spelling)


def _as_read(element: DataElement) -> Iterator[bytes]:
    """The bytes of each name; without those that UTF-8 reads as it should, as bytes of two short letters stand in longer words."""
    for value in values(element):
        name = getattr(value, "original_string", None)
        if isinstance(name, bytes) and not (_UTF8 in value.encodings and "\ufffd" not in name.decode(errors="replace")):
            yield name


def _phrase(words: list[str]) -> Iterator[Token]:
    """A name of words each too short to mean anything (Li^Wu): both together, in either order."""
    letters = "".join(words)
    if len(words) != 2 or any(fold(word) in _COMMON for word in words) or len(letters) < (2 if letters >= _IDEOGRAPHS else 4):
        return
    for pair in (words, words[::-1]):
        yield Token(TokenKind.NAME, fold(" ".join(pair)), Reach.WORD, "^".join(pair))


def _word(word: str) -> Iterator[Token]:
    text = fold(word)
    if text in _COMMON or len(set(text)) < 2 or (text.isdigit() and len(text) < 5) or _is_short(word):
        return
    reach = Reach.ANYWHERE if len(word) >= 6 or word >= _IDEOGRAPHS else Reach.WORD
    yield Token(TokenKind.NAME, text, reach, word)


def _is_short(word: str) -> bool:
    return len(word) < (2 if word >= _IDEOGRAPHS else 3)


def _identifier(text: str) -> Iterator[Token]:
    """The id as it stands, without its separators, each long number in it, and all without leading zeros."""
    bare = "".join(re.findall(r"[^\W_]+", text))
    spellings = {text, bare, *re.findall(r"\d{6,}", text)}
    spellings |= {spelling.lstrip("0") for spelling in spellings if spelling.isdigit() and len(spelling.lstrip("0")) >= 5}
    for spelling in sorted(spellings):
        folded = fold(spelling)
        if len(folded) < 2 or folded in _COMMON or len(set(folded)) < 2:
            continue
        word = 5 if folded.isdigit() else 4
        reach = Reach.ANYWHERE if len(folded) >= 8 else Reach.WORD if len(folded) >= word else Reach.VALUE
        yield Token(TokenKind.ID, folded, reach, spelling)


def _date(text: str) -> Iterator[Token]:
    """A date in the spellings of DICOM, ISO 8601, and day-first, month-first and worded usage; four digits of year."""
    match = re.fullmatch(r"(\d{4})[.\-/]?(\d\d)[.\-/]?(\d\d)", text)
    try:
        date = dt.date(*map(int, match.groups())) if match else None
    except ValueError:
        date = None
    if date is None or date in _PLACEHOLDER_DATES:
        return
    year, month, day = f"{date.year:04}", f"{date.month:02}", f"{date.day:02}"
    spellings = {year + month + day, day + month + year, month + day + year}
    for mark in "-./ ":
        spellings |= {mark.join(parts) for parts in ((year, month, day), (day, month, year), (month, day, year))}
        spellings |= {mark.join((str(date.day), str(date.month), year)), mark.join((str(date.month), str(date.day), year))}
    for name in (_MONTHS[date.month - 1], _MONTHS[date.month - 1][:3]):
        for number in {day, str(date.day)}:
            spellings |= {f"{number}{mark}{name}{mark}{year}" for mark in (" ", "-", "")} | {f"{number}. {name} {year}"}
            spellings |= {f"{name} {number}, {year}", f"{name} {number} {year}", f"{year}-{name}-{number}"}
    for spelling in spellings:
        whole = spelling == year + month + day
        yield Token(TokenKind.BIRTH_DATE, spelling, Reach.ANYWHERE if whole else Reach.WORD, spelling)
