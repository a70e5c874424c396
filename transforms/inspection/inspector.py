"""What in an element's text would identify: terms of its own header, patterns, the allow-list, NER last (DESIGN 8)."""

from __future__ import annotations

from collections.abc import Iterator

from transforms.inspection.finding import InfoType, TextFinding, settled
from transforms.inspection.ner import Engine
from transforms.inspection.patterns import in_patterns
from transforms.inspection.terms import Terms
from transforms.inspection.values import parts

_BY_VR = {"PN": InfoType.PERSON_NAME, "DA": InfoType.DATE, "DT": InfoType.DATE, "AS": InfoType.AGE, "UR": InfoType.URL}
"""The VR says what every value is."""
_TERMS_ONLY = frozenset({"DS", "IS", "TM", "UI"})
_NO_SENTENCES = frozenset({"AE", "CS"})
"""Codes: no language to recognise names by."""


class Inspector:
    """Looks into the texts of one instance."""

    def __init__(self, terms: Terms, engine: Engine, exclude: frozenset[str] = frozenset()) -> None:
        """`terms` from `terms_of`; `engine` made once a worker; `exclude`: infoTypes that are not looked for."""
        self._terms, self._engine, self._exclude = terms, engine, exclude

    def inspect(self, text: str, vr: str) -> list[TextFinding]:
        """What stands in the decoded text of an element, values joined by a backslash: in order, without overlap, none across values."""
        found = []
        for start, value in parts(text, vr):
            kept = [one for one in self._in_value(value, vr) if one.info_type not in self._exclude]
            found += [one.moved(start) for one in settled(kept)]
        return found

    def _in_value(self, value: str, vr: str) -> Iterator[TextFinding]:
        if not any(map(str.isalnum, value)):
            return
        if vr in _BY_VR:
            yield TextFinding(0, len(value), _BY_VR[vr], 1.0, "pattern")
            return
        yield from self._terms.find(value, vr)
        if vr in _TERMS_ONLY:
            return
        yield from in_patterns(value)
        if vr not in _NO_SENTENCES:
            yield from self._engine.find(value)
