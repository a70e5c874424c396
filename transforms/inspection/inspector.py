"""What in an element's text would identify: terms of its own header, patterns, the allow-list, NER last (DESIGN 8)."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence

from transforms.inspection.allowed import without_allowed
from transforms.inspection.engine import Engine
from transforms.inspection.finding import InfoType, TextFinding, settled
from transforms.inspection.patterns import in_patterns
from transforms.inspection.people import people_in, places_in
from transforms.inspection.terms import Terms
from transforms.inspection.values import UID_FORM, parts

_BY_VR = {"PN": InfoType.PERSON_NAME, "DA": InfoType.DATE, "DT": InfoType.DATE, "AS": InfoType.AGE, "UR": InfoType.URL}
"""The VR says what every value is."""
_TERMS_ONLY = frozenset({"DS", "IS", "TM", "UI"})
_SENTENCES = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_NO_SENTENCES = frozenset({"AE", "CS"})
"""Codes: no language to recognise names by, and terms of standards (ISO_10918_1) that look like ids."""
_SURE = 0.75
"""What is found in a code has to be as sure as this."""

_NOT_ASKED = _BY_VR.keys() | _TERMS_ONLY | _NO_SENTENCES
"""VRs of which the engine is asked nothing."""

_FORMS = (in_patterns, people_in, places_in)
_SENTENCE = 16
"""Letters: as many come about in random bytes once in many megabytes."""
_LEAST = 5
"""Letters of a term that mean something by themselves."""
_APART = "\0" * 5
"""Between texts that are looked at together: no term goes over it."""
_WINDOW, _OVERLAP = 2000, 200
"""Characters looked at together, and in common with the next: the time then grows with the text and not with its square."""


class Inspector:
    """Looks into the texts of one instance."""

    def __init__(
        self,
        terms: Terms,
        engine: Engine | None,
        exclude: frozenset[str] = frozenset(),
        context: Terms | None = None,
        kept: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        """`terms` from `terms_of`; `engine`, as `local_engine()`, made once a worker, or None to do without;
        `exclude`: infoTypes that are not looked for; `context` from `phrases`, for Clean Descriptors; `kept`: UIDs that may be read.
        """
        self._terms, self._engine, self._exclude, self._context, self._kept = terms, engine, exclude, context, kept

    def inspect(self, text: str, vr: str, *, defined: bool = False) -> list[TextFinding]:
        """What stands in the decoded text of an element, values joined by a backslash: in order, without overlap, none across values.

        `defined`: the standard says which words stand in the element, so that a word of imaging is no name there, whoever is called so.
        """
        found, values = [], list(parts(text, vr))
        for start, value in values:
            inside = self._in_value(value, vr, only=len(values) == 1, defined=defined)
            wanted = (one for one in inside if one.info_type not in self._exclude and not self._may_be_read(value[one.start : one.end]))
            found += [one.moved(start) for one in settled(wanted)]
        return found

    def _may_be_read(self, found: str) -> bool:
        return UID_FORM.fullmatch(found) is not None and found in self._kept()

    def inspect_runs(self, runs: Sequence[str]) -> list[list[TextFinding]]:
        """What stands in each of the runs of letters that were found in bytes, which may be anything and are rarely sentences.

        The header's terms everywhere; sure forms only where a run is too long to have come about by chance.
        """
        found: list[list[TextFinding]] = [[] for _ in runs]
        starts = list(itertools.accumulate((len(run) + len(_APART) for run in runs), initial=0))
        for one in self._terms.find(_APART.join(runs), "LO"):
            number = bisect.bisect_right(starts, one.start) - 1
            if one.end - one.start >= _LEAST or len(runs[number]) >= _SENTENCE:
                found[number].append(one.moved(-starts[number]))
        for number, run in enumerate(runs):
            if len(run) >= _SENTENCE:
                found[number] += [
                    one.moved(at) for at, piece in _windows(run) for search in _FORMS for one in search(piece) if one.confidence >= _SURE
                ]
        return [settled(one for one in here if one.info_type not in self._exclude) for here in found]

    def _in_value(self, value: str, vr: str, *, only: bool, defined: bool) -> Iterator[TextFinding]:
        if not any(map(str.isalnum, value)):
            return
        if vr in _BY_VR:
            yield TextFinding(0, len(value), _BY_VR[vr], 1.0, "pattern")
            return
        if self._context is not None and vr in _SENTENCES:
            yield from self._context.find(value, vr)
        yield from (one for one in self._terms.find(value, vr, only=only) if not (defined and is_vocabulary(value, one)))
        if vr in _TERMS_ONLY:
            return
        searches = _FORMS if vr in _NOT_ASKED or self._engine is None else (*_FORMS, self._engine.find)
        for start, piece in _windows(value):
            for search in searches:
                yield from (one.moved(start) for one in search(piece) if vr not in _NO_SENTENCES or one.confidence >= _SURE)


def asked(text: str, vr: str) -> Iterator[str]:
    """What an engine is asked about when this text is inspected: the pieces in their order."""
    if vr not in _NOT_ASKED:
        for _, value in parts(text, vr):
            if any(map(str.isalnum, value)):
                yield from (piece for _, piece in _windows(value))


def _windows(value: str) -> Iterator[tuple[int, str]]:
    for start in range(0, max(len(value) - _OVERLAP, 1), _WINDOW - _OVERLAP):
        yield start, value[start : start + _WINDOW]


def is_vocabulary(text: str, finding: TextFinding) -> bool:
    """Whether a name that was found is a word of imaging: collections name patients after what was imaged (PANCREAS_0001)."""
    return finding.info_type == InfoType.PERSON_NAME and without_allowed(text, finding.start, finding.end) is None
