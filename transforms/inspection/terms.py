"""The words by which the header of an instance names its own people, places, ids and dates, looked for in its own texts (DESIGN 8).

They are the surest there is: a name in a description is most often the name in PatientName. `header` makes them.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from transforms.inspection.allowed import without_allowed
from transforms.inspection.finding import CONTEXT, UID, InfoType, TextFinding
from transforms.inspection.folding import IDEOGRAPHS, Folded, Word, folded, words
from transforms.inspection.values import UID_FORM

COMMON = frozenset(
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
_GAP = 3
"""Characters between two words of one term, at most."""
_CUT = 3
"""Letters that a term over several words must have of each that it does not cover."""
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-6]\d"
_FORMS = {
    "AS": re.compile(r"\d{3}[DWMY]"),
    "DS": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?"),
    "FL": re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|[+-]?inf"),
    "IS": re.compile(r"[+-]?\d+"),
    "TM": re.compile(rf"{_HOUR}(?::?{_SIXTY}){{0,2}}(?:\.\d+)?"),
    "UI": UID_FORM,
}
"""Numbers (PS3.5 6.2; FL stands for all that are bytes): in a value of this form an id or day counts only if it is a whole component.
In any other it is text, in which the shortest words count too: no reader can use it, so that it is there for another reason."""
_LONG_NUMBER = 5
"""Digits of an id among the components of a number; one shorter has to be all there is in the element."""
_DAY = 8
"""Digits of a day that is written out, as no number or time of day is by chance."""
_OF_THE_STANDARD = re.compile(r"1\.2\.840\.10008(?:\.\d{1,4})+")
_LONG_UID, _POINTS = 10, 3
"""Characters, or points, of a UID that is no number, date or version."""


class Term(NamedTuple):
    """One way to write something of the header: words in this order, whatever parts them."""

    words: tuple[str, ...]
    info_type: str
    confidence: float


class Terms:
    """The terms of one instance, ready to be looked for."""

    def __init__(
        self,
        terms: Iterable[Term],
        whole: Iterable[Term] = (),
        uids: Callable[[], Collection[str]] = frozenset,
        counters: Collection[str] = frozenset(),
        verbatim: Collection[str] = frozenset(),
    ) -> None:
        """`whole`: terms that count only as all of a value, being too short to mean anything inside a text.

        `counters`: ids that name a study and no person or order, and are counted up as series and images are; `verbatim`: names that
        count wherever just these characters stand.

        `uids`: those that are replaced, wherever they stand; asked for when a text has one that they could be.
        """
        best: dict[tuple[str, ...], Term] = {}
        for term in terms:
            if term.words and term.confidence > best.get(term.words, Term((), InfoType.GENERIC_ID, 0)).confidence:
                best[term.words] = term
        self._all = tuple(best.values())
        self._by_first: defaultdict[str, list[Term]] = defaultdict(list)
        for term in best.values():
            self._by_first[term.words[0]].append(term)
        self._glued = [term for term in best.values() if term.info_type != CONTEXT and _may_be_glued(term.words)]
        self._whole = {term.words: term for term in whole}
        self._uids, self._counters, self._verbatim = uids, counters, verbatim

    def __iter__(self) -> Iterator[Term]:
        """Every term that counts inside a text, each spelling once."""
        return iter(self._all)

    def find(self, text: str, vr: str, *, only: bool = True) -> list[TextFinding]:
        """Where the terms stand in one value of this VR; findings may overlap. `only`: whether the element has no other value."""
        readable = folded(text)
        in_order = words(readable)
        is_number = vr in _FORMS and _FORMS[vr].fullmatch(text.strip(" \0")) is not None
        found = [*self._own_uids(text, short=not is_number or vr == "UI"), *self._in_words(in_order)]
        if is_number:
            only = only and text.strip(" \0") not in self._counters
            return [one for one in found if one.info_type == UID or _counts_in_number(text, one, vr, only=only)]
        found += self._inside_words(readable)
        found += (TextFinding(*one.span(), InfoType.PERSON_NAME, 1.0, "term") for one in self._just_so(text))
        found += self._short(in_order, anywhere=vr in _FORMS) if vr != "CS" else ()
        return found

    def _just_so(self, text: str) -> Iterator[re.Match[str]]:
        return itertools.chain.from_iterable(re.finditer(re.escape(name), text) for name in self._verbatim)

    def _own_uids(self, text: str, *, short: bool) -> Iterator[TextFinding]:
        """`short`: whether one that could be a number counts too, where it is all of the text."""
        for match in UID_FORM.finditer(text):
            uid = match.group()
            counts = len(uid) >= _LONG_UID or uid.count(".") >= _POINTS or (short and uid == text.strip(" \0"))
            if counts and not _OF_THE_STANDARD.fullmatch(uid) and uid in self._uids():
                yield TextFinding(*match.span(), UID, 1.0, "term")

    def _short(self, in_order: list[Word], *, anywhere: bool) -> Iterator[TextFinding]:
        """Short terms: as all words of a value, whatever marks are beside them and however often; each by itself where `anywhere`."""
        spelled = tuple(word.text for word in in_order)
        for words_of, term in self._whole.items():
            if spelled == words_of * (len(spelled) // len(words_of)):
                runs = (in_order[at : at + len(words_of)] for at in range(0, len(in_order), len(words_of)))
                yield from (TextFinding(run[0].start, run[-1].end, term.info_type, term.confidence, "term") for run in runs)
            elif anywhere and len(words_of) == 1:
                found = (word for word in in_order if word.text == words_of[0])
                yield from (TextFinding(word.start, word.end, term.info_type, term.confidence, "term") for word in found)

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
    return long_enough and tells and len(set(letters)) > 1 and not all(word in COMMON for word in spelled)


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


def _counts_in_number(text: str, finding: TextFinding, vr: str, *, only: bool) -> bool:
    """Whether what stands in a number is an id or a day and no part of the number: nothing but a dot or an end is beside it.

    A short id has to be the whole of an only value of VR DS or IS: numbers of its length are in every header, and in any table of them.
    """
    length = finding.end - finding.start
    is_day = finding.info_type is InfoType.DATE and length == _DAY
    if not is_day and finding.info_type is not InfoType.GENERIC_ID:
        return False
    if length < _LONG_NUMBER:
        return only and vr in ("DS", "IS") and length == len(text.strip(" \0"))
    return text[finding.start - 1 : finding.start] in ("", ".", " ") and text[finding.end : finding.end + 1] in ("", ".", " ")
