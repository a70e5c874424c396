"""Values of elements as a judge compares them: found by path, as text, folded; and where a word stands in a whole file."""

from __future__ import annotations

import re
import unicodedata
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pydicom
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue

_STEP = re.compile(r"([0-9A-Fa-f]{8})(?:\[(\d+|\*)\])?")
_ENOUGH = 6
"""Bytes of a token that is looked for in raw bytes; fewer might stand there by chance."""
_ENCODINGS = ("utf-8", "latin-1", "iso8859-5", "iso8859-7", "gb18030", "euc_kr", "shift_jis", "utf-16-le", "utf-16-be")


def read(path: Path) -> FileDataset | None:
    """The data set of a file; None if it is not DICOM that can be read to its end."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path)
            for _ in everything(dataset):
                pass
    except Exception:  # noqa: BLE001 - whatever a parser says of a foreign file
        return None
    return dataset


def at(dataset: Dataset, path: str) -> list[str]:
    """The text of every element that the path names: none if it names none, `""` for one without a value.

    A path ends with a tag. A sequence has the text `items` if it has any. Raises ValueError for what is no path.
    """
    steps = [_STEP.fullmatch(step) for step in path.split(".")]
    if not all(steps):
        raise ValueError(f"{path} is no path of tags and item numbers")
    return list(_below(dataset, [(int(step[1], 16), step[2] or "") for step in steps if step]))


def _below(dataset: Dataset, steps: list[tuple[int, str]]) -> Iterator[str]:
    (tag, number), rest = steps[0], steps[1:]
    element = _element(dataset, tag)
    if element is None:
        return
    if not rest:
        yield text_of(element)
        return
    items = list(element.value or ()) if element.VR == "SQ" else []
    for item in items if number == "*" else items[int(number or 0) : int(number or 0) + 1]:
        yield from _below(item, rest)


def _element(dataset: Dataset, tag: int) -> DataElement | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dataset[tag]
    except Exception:  # noqa: BLE001 - absent, or bytes that do not fit their VR, which `everything` shows raw
        return None


def text_of(element: DataElement) -> str:
    """The value as text: several joined by a backslash, bytes as UTF-8 if they are, else as Latin-1."""
    value = element.value
    if element.VR == "SQ":
        return "items" if value else ""
    if isinstance(value, bytes):
        return _text(value)
    if value is None:
        return ""
    return "\\".join(str(one) for one in (value if isinstance(value, MultiValue | list) else [value]))


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8").rstrip("\0 ")
    except UnicodeDecodeError:
        return value.decode("latin-1").rstrip("\0 ")


def everything(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Path and text of every element at every depth but samples, file meta information first."""
    if isinstance(dataset, FileDataset):
        yield from everything(dataset.file_meta)
    for tag in list(dataset.keys()):
        name = f"{int(tag):08X}"
        element = _element(dataset, tag)
        if element is None:
            raw = dataset.get_item(tag)
            yield name, _text((raw.value if isinstance(raw, RawDataElement) else None) or b"")
        elif element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from ((f"{name}[{number}].{path}", text) for path, text in everything(item))
        elif name not in ("7FE00008", "7FE00009", "7FE00010"):
            yield name, text_of(element)


def fold(text: str) -> str:
    """One spelling for what a reader takes for the same: compatibility forms (kana width), case."""
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> list[str]:
    """What is compared one by one: what stands between blanks and the marks that part the components of values."""
    return [word for word in re.split(r"[\s^=\\,;()]+", text) if any(map(str.isalnum, word))]


def contains(text: str, word: str) -> bool:
    """Whether a word stands in a text; digits and short words only with nothing of their kind beside them."""
    text, word = fold(text), fold(word)
    if word.isdigit():
        return re.search(rf"(?<!\d){re.escape(word)}(?!\d)", text) is not None
    if len(word) < _ENOUGH and word.isascii():
        return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text) is not None
    return word in text


def same_word(text: str, word: str) -> bool:
    """Whether a word that was due to stay stands in a text; a number if one of the same value does."""
    if contains(text, word):
        return True
    numbers = [_number(one) for one in re.split(r"[\s\\,;\[\]]+", text)]
    wanted = _number(word)
    return wanted is not None and wanted in numbers


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def places(texts: Iterable[tuple[str, str]], lowered: bytes, token: str) -> list[str]:
    """Where a token stands in a file, given all of its texts and its `bare` bytes: paths, else `bytes` where only these hold it."""
    found = [path for path, text in texts if contains(text, token)]
    return found or (["bytes"] if _in_bytes(lowered, token) else [])


def bare(dataset: FileDataset, content: bytes) -> bytes:
    """The bytes of a file without its native samples, inflated, ASCII in small letters."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_deflated:
        start = 144 + int(dataset.file_meta["FileMetaInformationGroupLength"].value)
        content = content[:start] + zlib.decompress(content[start:], -zlib.MAX_WBITS)
    raw = dataset.get_item(0x7FE00010)
    pixels = raw.value if raw is not None and isinstance(raw.value, bytes) else b""
    return (content.replace(pixels, b"", 1) if len(pixels) > 64 else content).lower()


def _in_bytes(lowered: bytes, token: str) -> bool:
    for encoding in _ENCODINGS:
        for spelled in {token, token.lower(), token.upper()}:
            try:
                coded = spelled.encode(encoding).lower()
            except UnicodeEncodeError:
                continue
            if len(coded) < _ENOUGH:
                continue
            sides = rb"(?<![\d.])%b(?!\d)" if token.isdigit() else rb"%b"
            if re.search(sides % re.escape(coded), lowered):
                return True
    return False
