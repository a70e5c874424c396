"""Texts inside bytes that no standard describes (private UN and OB): what is found in them is overwritten, and no byte moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from transforms.inspection.finding import TextFinding

_FORMS = ((re.compile(rb"[\t\r\n\x20-\x7e]{4,}"), "ascii", 1), (re.compile(rb"(?:[\t\r\n\x20-\x7e]\0){4,}"), "utf-16-le", 2))
"""What is text in bytes: four letters of ASCII and more, of one byte or two. A name in other letters is found by the proof."""


class Overwritten(NamedTuple):
    """One change. Bytes of the value, half open; the texts may be PHI."""

    start: int
    end: int
    info_type: str
    original: str
    replaced: str


def overwritten(
    value: bytes,
    inspect: Callable[[Sequence[str]], Sequence[Sequence[TextFinding]]],
    replace: Callable[[str, TextFinding], str | None],
) -> tuple[bytes, list[Overwritten]]:
    """The bytes with what is found in them written over, and the changes in order.

    `inspect` says of each text what stands in it. `replace` gives a text of the same length for what was found, or None where it stays.
    """
    new, made = bytearray(value), []
    for form, encoding, width in _FORMS:
        runs = [(run.start(), run.group().decode(encoding)) for run in form.finditer(value)]
        for (at, text), findings in zip(runs, inspect([text for _, text in runs]), strict=True):
            for finding in findings:
                original = text[finding.start : finding.end]
                instead = replace(original, finding)
                if instead is not None:
                    start, end = at + width * finding.start, at + width * finding.end
                    new[start:end] = instead.encode(encoding)
                    made.append(Overwritten(start, end, finding.info_type, original, instead))
    return bytes(new), sorted(made)
