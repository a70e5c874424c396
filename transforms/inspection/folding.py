"""One spelling for what readers take for the same, with the way back to the characters it came from (Unicode NFKC, kana)."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

IDEOGRAPHS = "\u2e80"
"""From here on a letter of CJK, kana or Hangul: no spaces part its words."""
_WORD = re.compile(r"[^\W\d_]+|\d+")


class Folded(NamedTuple):
    """A folded text; character i of it came from character `at[i]` of the original."""

    text: str
    at: list[int]
    length: int
    """Characters of the original."""

    def end(self, last: int) -> int:
        """Where the original goes on after folded character `last`: past the accents and marks that fold to nothing."""
        following = self.at[last + 1] if last + 1 < len(self.at) else self.length
        return max(self.at[last] + 1, following)


class Word(NamedTuple):
    """A run of letters or of digits in a folded text."""

    text: str
    start: int
    end: int
    """Characters of the original, half open."""


@functools.lru_cache(maxsize=1 << 14)
def _character(character: str) -> str:
    """Lower case, no accents, no width, hiragana as katakana; Hangul syllables stay whole."""
    if "\uac00" <= character <= "\ud7a3":
        return character
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)).casefold()
    return "".join(chr(ord(part) + 0x60) if "\u3041" <= part <= "\u3096" else part for part in bare)


def folded(text: str) -> Folded:
    """The text as it is compared."""
    pieces = [_character(character) for character in text]
    return Folded("".join(pieces), [at for at, piece in enumerate(pieces) for _ in piece], len(text))


def fold(text: str) -> str:
    """As `folded`, without the way back."""
    return "".join(map(_character, text))


def words(text: Folded) -> list[Word]:
    """The words of a folded text; a letter and a digit side by side part two words."""
    return [Word(match.group(), text.at[match.start()], text.end(match.end() - 1)) for match in _WORD.finditer(text.text)]
