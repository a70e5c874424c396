"""The phrases of an instance's own header: whole values of elements that describe it (API: contextual phrases, `[CTX]`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pydicom.dataset import Dataset

from transforms.inspection.folding import fold, folded, words
from transforms.inspection.header import values_of
from transforms.inspection.terms import Term, Terms

CONTEXT = "CTX"
"""The infoType of a phrase, as the API names it."""
SHORTEST = 3
"""Letters and digits; a shorter value (a sex, a count) stands in texts that have nothing to do with it."""


def phrases_of(dataset: Dataset, tags: Collection[int]) -> Terms:
    """The values of the elements with these tags, from every depth, as terms. The data set stays as it was read."""
    return Terms(_phrases(dataset, tags))


def _phrases(dataset: Dataset, tags: Collection[int]) -> Iterator[Term]:
    for value in values_of(dataset, tags):
        spelled = tuple(word.text for word in words(folded(value)))
        if sum(map(str.isalnum, fold(value))) >= SHORTEST:
            yield Term(spelled, CONTEXT, 1.0)
