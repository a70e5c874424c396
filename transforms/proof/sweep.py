"""The second look at an output: it is parsed again, and every token of its source looked for (DESIGN 17).

Decoded: the values of all elements at every depth and of the file meta information, as text. Raw: the whole file, the
preamble and what no element covers included, in the encodings a token could stand in. Native samples of PixelData are
left out, since letters in them are pixels; the coded stream of a compressed one is searched for the longer tokens.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from pydicom import dcmread
from pydicom.charset import convert_encodings
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset

from transforms.model.deflate import in_plain
from transforms.model.dictionary import keyword_of
from transforms.model.errors import InstanceProblem
from transforms.model.large import Content, as_file, let_go, view
from transforms.model.pictures import SAMPLES
from transforms.proof.tokens import Reach, Token, TokenKind, fold, readable, values
from transforms.proof.vocabulary import DEFINED

CHANCE = 1e-4
"""A token is looked for in bytes only where random ones would hold it in fewer than one value in 10,000."""

_MOST_NUMBERS = 64
"""A longer array of numbers is a table or samples; its bytes are in the raw search all the same."""

_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UI", "UN", "UT", "OB"})
_NUMBER_VRS = frozenset({"DS", "FD", "FL", "OD", "OF"})
_FRACTIONS = re.compile(r"(?<=\d)\.\d+")
"""The decimals of a number: a structure set has a million of them, among which any id of five or six digits stands by chance."""
_DIGITS = b"0123456789"
_CHUNK = 1 << 20
_LARGE = 1 << 20
"""Bytes from which a value is not copied while the file is parsed."""
_UNDEFINED = 0xFFFFFFFF
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_WIDE = ("utf-16-le", "utf-16-be")
_ESCAPES = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")


class Residue(NamedTuple):
    """A token that is still there."""

    kind: TokenKind
    where: str
    """The element's path and tag as in `TagFinding`, or a part of the file. No value."""


class _Pattern(NamedTuple):
    token: Token
    coded: bytes
    """Lower case where it is ASCII."""
    unit: int
    """Bytes of a character beside it."""
    largest: float
    """Bytes of a value in which it means something: random ones hold it, in either case of its letters, by CHANCE at most."""


class Sweep:
    """Looks for the tokens of one source in its output."""

    def __init__(self, tokens: Iterable[Token], keep: Iterable[str] = (), charset: str | list[str] | None = None) -> None:
        """`keep`: UIDs that may stay, so that a token inside them is no finding; `charset`: the source's (0008,0005)."""
        tokens = tuple(tokens)
        self._tokens = tuple(token for token in tokens if token.reach is not Reach.BYTES)
        self._keep = tuple(keep)
        self._patterns = tuple(_patterns(tokens, charset))
        self._long = tuple(pattern for pattern in self._patterns if pattern.token.reach not in (Reach.WORD, Reach.BYTES))

    def residues(self, content: Content) -> list[Residue]:
        """What is left in a Part 10 file, each kind and place once; the raw search is asked where decoded values are clean.

        Raises InstanceProblem UNREADABLE_OUTPUT and NO_ROOM.
        """
        whole, dataset = _parsed(content)
        decoded = (residue for where, element in _walk(dataset) for residue in self._in_element(where, element))
        return list(dict.fromkeys(decoded)) or list(dict.fromkeys(self._in_file(whole, dataset, _terms(dataset))))

    def residues_in(self, content: Content, keywords: Collection[str]) -> list[Residue]:
        """What is left in these elements only, where the plan keeps all others. Raises InstanceProblem UNREADABLE_OUTPUT."""
        chosen = ((where, element) for where, element in _walk(_parsed(content)[1]) if keyword_for_tag(element.tag) in keywords)
        return list(dict.fromkeys(residue for where, element in chosen for residue in self._in_element(where, element)))

    def _in_element(self, where: str, element: DataElement | RawDataElement) -> Iterator[Residue]:
        if int(element.tag) in SAMPLES:
            return
        if isinstance(element, RawDataElement) or isinstance(element.value, bytes):
            yield from (Residue(kind, where) for kind in self._in_value(element.value or b""))
            return
        parts = values(element)
        if len(parts) > _MOST_NUMBERS and not isinstance(parts[0], str):
            return
        defined = DEFINED.get(keyword_of(int(element.tag)), ())
        for part in parts:
            if defined and fold(str(part)).strip() in defined:
                continue
            number = element.VR in _NUMBER_VRS and _is_number(part)
            text = _FRACTIONS.sub(" ", str(part)) if number else str(part)
            yield from (Residue(kind, where) for kind in self._in_text(text, element.VR in _TEXT_VRS))

    def _in_value(self, value: bytes) -> Iterator[TokenKind]:
        text = _as_text(value)
        if text is not None:
            yield from self._in_text(text, True)
        yield from self._in_bytes(value, self._patterns)

    def _in_text(self, text: str, alone_counts: bool) -> Iterator[TokenKind]:
        for uid in self._keep:
            text = text.replace(uid, " ")
        folded = fold(text).strip(" \0")
        for token in self._tokens:
            if token.reach is Reach.VALUE:
                if alone_counts and folded == token.text:
                    yield token.kind
            elif token.text.partition(" ")[0] in folded and _beside(token).search(folded):
                yield token.kind

    def _in_bytes(self, value: bytes, patterns: Iterable[_Pattern], terms: Collection[str] = ()) -> Iterator[TokenKind]:
        for uid in self._keep:
            value = value.replace(uid.encode(), b" " * len(uid))
        lowered = value.lower()
        for pattern in patterns:
            excused = pattern.token.kind is TokenKind.NAME and pattern.token.text in terms
            if not excused and len(value) <= pattern.largest and _stands(pattern, lowered):
                yield pattern.token.kind

    def _in_file(self, whole: Content, dataset: FileDataset, terms: Collection[str]) -> Iterator[Residue]:
        samples = next((dataset.get_item(tag) for tag in SAMPLES if tag in dataset), None)
        pixels = (samples.value if samples is not None else b"") or b""
        start = _start(samples) if isinstance(pixels, memoryview) else whole.find(pixels) if len(pixels) > 64 else -1
        around = [whole[:]] if start < 0 else [whole[:start], whole[start + len(pixels) :]]
        for piece in around:
            yield from (Residue(kind, "the bytes of the file") for kind in self._in_bytes(piece, self._patterns, terms))
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            overlap = max((len(pattern.coded) for pattern in self._patterns), default=0)
            for at in range(0, len(pixels), _CHUNK):
                chunk = bytes(pixels[at : at + _CHUNK + overlap])
                yield from (Residue(kind, "the coded stream of 7FE00010") for kind in self._in_bytes(chunk, self._long))
                let_go(memoryview(whole))


def _start(element: DataElement | RawDataElement | None) -> int:
    """Where the value of an element that was not copied begins in its file."""
    return (
        element.value_tell
        if isinstance(element, RawDataElement)
        else element.file_tell
        if element is not None and element.file_tell
        else -1
    )


def _parsed(content: Content) -> tuple[Content, FileDataset]:
    """A Part 10 file, inflated if it is deflated, and read to its end; large samples are a view of it.

    Raises InstanceProblem UNREADABLE_OUTPUT and NO_ROOM.
    """
    try:
        content = in_plain(content, "proof")
        dataset = dcmread(as_file(view(content)), defer_size=_LARGE)
        _fill_in(dataset, memoryview(content))
        syntax = dataset.file_meta.TransferSyntaxUID
        if not syntax.is_transfer_syntax or syntax.is_deflated:  # what is still deflated was parsed, but its bytes would not be searched
            raise ValueError
    except InstanceProblem:
        raise
    except Exception:  # noqa: BLE001 - whatever the parser says of it, it may quote values
        raise InstanceProblem("proof", "UNREADABLE_OUTPUT", "the de-identified file cannot be parsed again") from None
    return content, dataset


def _fill_in(dataset: FileDataset, content: memoryview) -> None:
    """Give the large values that the parser passed over; those of samples, which may be most of the memory, are not copied."""
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag, keep_deferred=True)
        if isinstance(element, RawDataElement) and element.value is None and element.length:
            start = element.value_tell
            end = _items_end(content, start) if element.length == _UNDEFINED else start + element.length
            value = content[start:end]
            dataset[tag] = element._replace(value=value if int(tag) in SAMPLES else bytes(value))


def _items_end(content: memoryview, at: int) -> int:
    """Where the items of an encapsulated value end (PS3.5 A.4)."""
    while content[at : at + 4] == _ITEM:
        at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
    if content[at : at + 4] != _DELIMITER:
        raise ValueError
    return at


def _walk(dataset: FileDataset) -> Iterator[tuple[str, DataElement | RawDataElement]]:
    yield from _elements(dataset.file_meta, "")
    yield from _elements(dataset, "")


def _terms(dataset: FileDataset) -> frozenset[str]:
    """The words of defined terms that stand in their elements, folded: their bytes are no finding of the raw search either."""
    coded = ((element, DEFINED.get(keyword_of(int(element.tag)), ())) for _, element in _walk(dataset) if isinstance(element, DataElement))
    said = (term for element, defined in coded if defined for part in values(element) if (term := fold(str(part)).strip()) in defined)
    return frozenset(word for term in said for word in (term, *term.split()))


def _elements(dataset: Dataset, path: str) -> Iterator[tuple[str, DataElement | RawDataElement]]:
    for tag in list(dataset.keys()):
        where = f"{path}{int(tag):08X}"
        raw = dataset.get_item(tag)
        element = readable(dataset, tag)
        if element is None:
            if isinstance(raw, RawDataElement):
                yield where, raw
        elif element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from _elements(item, f"{where}[{number}].")
        else:
            yield where, element


def _patterns(tokens: Iterable[Token], charset: str | list[str] | None) -> Iterator[_Pattern]:
    try:
        own = convert_encodings(charset) if charset else []
    except Exception:  # noqa: BLE001 - an unknown character set adds no encoding
        own = []
    encodings = dict.fromkeys(("utf-8", "latin-1", *own, *_WIDE))
    for token in tokens:
        if token.reach is Reach.VALUE:
            continue
        coded: dict[bytes, int] = {}
        as_bytes = token.reach is Reach.BYTES
        cases = {token.spelling.lower(), token.spelling.upper(), token.spelling.title()} if not as_bytes else frozenset[str]()
        for spelling in {token.spelling, *cases}:
            for encoding in ("latin-1",) if as_bytes else encodings:
                try:
                    plain = _ESCAPES.sub(b"", spelling.encode(encoding)).lower()
                except (UnicodeEncodeError, LookupError):
                    continue
                coded[plain] = 2 if encoding in _WIDE else 1
        for plain, unit in sorted(coded.items()):
            letters = sum(97 <= byte <= 122 for byte in plain)
            yield _Pattern(token, plain, unit, CHANCE * 2.0 ** min(8 * len(plain) - letters, 512))


def _stands(pattern: _Pattern, lowered: bytes) -> bool:
    """Whether the pattern stands in the bytes with the neighbours its token's reach asks for."""
    at, numeric = lowered.find(pattern.coded), pattern.coded.isdigit()
    while at >= 0:
        end = at + len(pattern.coded)
        if numeric and _in_fraction(lowered, at):
            at = lowered.find(pattern.coded, at + 1)
            continue
        before, after = (lowered[max(0, at - pattern.unit) : at].strip(b"\0"), lowered[end : end + pattern.unit].strip(b"\0"))
        if pattern.token.reach in (Reach.ANYWHERE, Reach.BYTES):
            return True
        if pattern.token.reach is Reach.WORD and not before.isalnum() and not after.isalnum():
            return True
        if pattern.token.reach is Reach.UID and not before.isdigit() and before != b"." and not after.isdigit() and after != b".":
            return True
        at = lowered.find(pattern.coded, at + 1)
    return False


def _in_fraction(value: bytes, at: int) -> bool:
    """Whether what stands at `at` is among the decimals of a number: digits, a point, digits back to it."""
    while at > 0 and value[at - 1] in _DIGITS:
        at -= 1
    return at > 1 and value[at - 1 : at] == b"." and value[at - 2] in _DIGITS


def _beside(token: Token) -> re.Pattern[str]:
    text = r"[\W_]+".join(map(re.escape, token.text.split(" ")))
    if token.reach is Reach.WORD:
        return re.compile(rf"(?<![^\W_]){text}(?![^\W_])")
    if token.reach is Reach.UID:
        return re.compile(rf"(?<![\d.]){text}(?!\.?\d)")
    return re.compile(text)


def _is_number(value: object) -> bool:
    """Whether a value of a VR of numbers is one, and no text that was written there."""
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _as_text(value: bytes) -> str | None:
    """The value as text where all of it is printable, as in an UN or OB that hides a string."""
    stripped = value.rstrip(b"\0 ")
    for encoding in ("utf-8", "latin-1"):
        try:
            text = stripped.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text and all(character.isprintable() or character in "\r\n\t\f" for character in text):
            return text
    return None
