"""People by what stands beside their name - a label, a title, a role, a given name - and institutions and places by name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transforms.inspection.allowed import is_eponym, without_allowed
from transforms.inspection.finding import InfoType, TextFinding
from transforms.inspection.vocabulary import GIVEN_NAMES, PLACES

_UP = "A-ZÀ-ÖØ-ÞŁŚŠŽ"
_LOW = "a-zß-öø-ÿłśšž"
_LETTER = _UP + _LOW
_WORD = rf"(?:(?i:van|von|de|del|della|der|den|di|da|dos|la|le|bin|al|el)[\s-]+){{0,2}}[{_UP}][{_LETTER}]*(?:['’-][{_LETTER}]+)*"
_INITIAL = rf"[{_UP}]\.?"
_NAME = rf"(?P<v>{_WORD}(?:(?:\s?,\s?|\s|\^)(?:{_WORD}|{_INITIAL})\.?){{0,3}})"
_INITIALS = rf"(?P<v>[{_UP}]{{2,4}}|[{_UP}]\.\s?(?:[{_UP}]\.)?)"
_PERSON_LABEL = (
    r"pt|pat|patient|patient'?s?\s?name|name|nom|prénom|nombre|apellidos?|nome|cognome|naam|nachname|vorname|paciente|"
    r"subject|mother|father|wife|husband|spouse|son|daughter|next of kin|guardian|contact|mum|mom|"
    r"operator|op|tech|technologist|technician|sonographer|radiologist|radiographer|rad|physician|cardiologist|"
    r"ref|referring|ref\.?\s?(?:md|phys|physician|dr)|referring\s?(?:md|phys|physician|dr)|attending|surgeon|nurse|anaesthetist|"
    r"reader|reviewer|user|author|dictated|signed|arzt|befunder|médico|médecin|medico"
)
_TITLE = (
    r"dr|drs|dra|doctor|prof|professor|mr|mrs|ms|miss|mx|herr|frau|hr|fr|mme|mlle|madame|monsieur|sra|sr|srta|señora?|sig|sig\.ra|signora?|dhr|mevr|"
    r"rev"
)
_TITLES = rf"(?i:(?:{_TITLE}|med)\.?\s+){{1,3}}"
_RELATION = r"nurse|sister|father|son|daughter|husband|wife|mother|brother|partner"
_WITH = r"(?:discussed|spoke|spoken|consulted|d/w|confirmed|reviewed|conferred|talked)\s+with|attn|c/o|on behalf of|in the name of"
_INSTITUTION = re.compile(
    rf"(?<!\w)(?P<before>(?:(?:[{_UP}][\w.'’-]*|of|de|the|&|and)\s+){{0,5}})"
    r"(?P<kind>(?i:CHU|CHR|MVZ|charité|spital|szpital|sjukhus|sygehus|sykehus|clínica|clinica|clinique|policlínica|polyclinic|poliklinik|"
    r"universitätsklinikum|uniklinik(?:um)?|kreiskrankenhaus|praxis|health\s+cent(?:er|re)|nursing\s+home|hospital|hosp\.?|hospitals|clinic|clinics|klinik|klinikum|krankenhaus|medical\s+cent(?:er|re)|med\.?\s+c(?:tr|enter)\.?|medctr|"
    r"health\s?care|health\s+(?:system|cent(?:er|re)|service)|imaging\s+cent(?:er|re)|cancer\s+cent(?:er|re)|heart\s+cent(?:er|re)|infirmary|"
    r"(?:radiology|imaging)\s+(?:associates|partners|group|consultants)|institute|sanatorium|university|univ\.?|universität|université|hôpital|"
    r"hopital|ziekenhuis|ospedale|policlinico|hospice|surgery\s+cent(?:er|re)))(?!\w)"
    rf"(?P<after>\s+(?:(?:of|for|de|del|di|du|des|la|at)\s+){{0,2}}[{_UP}][\w.'’-]*(?:\s+[{_UP}][\w.'’-]*){{0,3}})?"
)
_SURE = 0.9
"""Forms less sure than this find a name by its capitals, which a text in small letters does not have."""
_NAMES = (
    (0.95, re.compile(rf"(?<!\w)(?i:{_PERSON_LABEL})\.?\s*[:=]\s*(?:{_TITLES})?(?:{_NAME})")),
    (0.85, re.compile(rf"(?<!\w)(?i:[a-z]+(?:ed|en|ne|ad)\s+by|{_WITH})\s*:?\s*(?:{_TITLES})?(?:{_NAME})")),
    (0.85, re.compile(rf"(?<!\w)(?i:{_RELATION})\s+(?:{_NAME})")),
    (0.9, re.compile(rf"(?<!\w){_TITLES}(?:{_NAME})")),
    (
        0.85,
        re.compile(
            rf"(?<!\w)(?P<v>{_WORD}(?:\s{_WORD})?,\s?{_WORD}(?:\s{_INITIAL}(?!\w))?)(?:,?\s?(?:MD|M\.D\.|DO|RT|RN|PhD|RDMS|FRCR|NP|PA-C)(?!\w))"
        ),
    ),
    (
        0.85,
        re.compile(
            rf"(?<!\w)(?P<v>(?:{_WORD}|{_INITIAL})\s(?:{_INITIAL}\s)?{_WORD}),?\s?(?:MD|M\.D\.|DO|RT|RN|PhD|RDMS|FRCR|NP|PA-C)(?!\w)"
        ),
    ),
    (0.95, re.compile(rf"(?<![\w^])(?P<v>[{_LETTER}'’ .-]+\^[{_LETTER}][{_LETTER}'’ .^-]*)")),
    (0.7, re.compile(rf"(?<!\w)(?P<v>{_WORD},\s?{_WORD}(?:\s{_INITIAL}(?!\w))?)(?![{_LETTER}])")),
    (0.75, re.compile(rf"(?<![\w.])(?P<v>[{_UP}]\.\s?(?:[{_UP}]\.\s?)?[{_UP}][{_LETTER}'’-]{{2,}})(?!\w)")),
)
_WITH_INITIALS = re.compile(
    r"(?<!\w)(?i:operator|op|tech|technologist|sonographer|radiologist|radiographer|initials|user|sono|scanned by|performed by|read by)"
    rf"\s*[:=]?\s*{_INITIALS}(?!\w)"
)
_LOG_IN = re.compile(r"(?<!\w)(?i:user(?:\s?name|\s?id)?|login|log-?on|account|uid)\s*[:=]\s*(?P<v>[A-Za-z][\w.-]{2,19})(?!\w)")
_PLACE = re.compile(
    rf"(?<![\w'’-])(?:{'|'.join(re.escape(place) for place in sorted(PLACES, key=len, reverse=True))})(?![\w'’-])", re.IGNORECASE
)
_PAIR = re.compile(
    rf"(?=(?<![\w'’-])(?P<v>(?P<one>[{_UP}][{_LETTER}'’-]+)[ _](?:[{_UP}]\.?[ _])?(?P<two>[{_UP}][{_LETTER}'’-]+))(?![{_LETTER}]))"
)


def people_in(text: str) -> Iterator[TextFinding]:
    """Names of people in one value; findings may overlap."""
    for form, confidence in ((_LOG_IN, 0.8), (_WITH_INITIALS, 0.8)):
        for match in form.finditer(text):
            yield TextFinding(*match.span("v"), InfoType.PERSON_NAME, confidence, "pattern")
    written = text.title() if text.islower() and len(text.title()) == len(text) else text
    for confidence, form in _NAMES:
        for match in form.finditer(written) if written == text or confidence >= _SURE else ():
            yield from _name(text, match, confidence)
    for match in _PAIR.finditer(written):
        if match["one"].lower() in GIVEN_NAMES or match["two"].lower() in GIVEN_NAMES:
            yield from (one for one in _name(text, match, 0.8) if (one.start, one.end) == match.span("v"))


def places_in(text: str) -> Iterator[TextFinding]:
    """Institutions and places in one value; findings may overlap."""
    for match in _INSTITUTION.finditer(text):
        before = without_allowed(text, *match.span("before"))
        after = without_allowed(text, *match.span("after")) if match["after"] else None
        if before or after:
            span = (before[0] if before else match.start("kind"), after[1] if after else match.end("kind"))
            yield TextFinding(*span, InfoType.LOCATION, 0.85, "pattern")
    for match in _PLACE.finditer(text):
        if match.group()[0].isupper() and not is_eponym(text, *match.span()):
            yield TextFinding(*match.span(), InfoType.LOCATION, 0.7, "pattern")


def _name(text: str, match: re.Match[str], confidence: float) -> Iterator[TextFinding]:
    """A name without the allowed words at its ends; none if no other word is left, or if it is that of a disease or device."""
    span = without_allowed(text, *match.span("v"))
    if span is not None and not is_eponym(text, *span, numbered=confidence < _SURE):
        yield TextFinding(*span, InfoType.PERSON_NAME, confidence, "pattern")
