"""What identifies by its form: ids, numbers, ages, addresses (infoTypes of the API's default DICOM set)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from transforms.inspection.dates import dates_in
from transforms.inspection.finding import InfoType, TextFinding

_UP = "A-ZÀ-ÖØ-ÞŁŚŠŽ"
_LOW = "a-zß-öø-ÿłśšž"
_LETTER = _UP + _LOW
_ID = r"(?P<v>(?=[\w/-]*\d)[A-Za-z]{0,5}[-/]?[\w]+(?:[-/][\w]+){0,4})"
_MARK = r"\s*(?:[.#:=]|nr\.?|no\.?|number|num\.?|is)*\s*"

_ID_LABEL = (
    r"mrn|mr\s?#|m\.r\.n\.?|pid|p\.?id|upi|urn|ur\s?no|uhid|pt\.?\s?id|pat\.?\s?id|patient[\s_-]?(?:id|no|nr|number|#|identifier)|"
    r"med(?:ical)?\.?\s?rec(?:ord)?|acc(?:ession|n)?|acsn|case|chart|visit|encounter|order|account|acct|"
    r"hosp(?:ital)?\.?\s?(?:id|no|number|#)|nhs|chi|member|policy|insurance|ins\.?|group|claim|study\s?id|exam\s?(?:id|no|#)|"
    r"ref(?:erence)?\.?\s?(?:no|number|#)|req(?:uest|uisition)?\.?\s?(?:id|no|number|#)|serial|s/n|sn|license|licence|lic|ssn|"
    r"badge|employee(?:\s?id)?|emp\s?id|operator\s?id|user\s?id|staff\s?id|record|folder|dossier|fallnr|fall-?nr|fallnummer|"
    r"pat\.?-?nr|aufnahme-?nr|ipp|nip|nhc|dni|nie|bsn|cpr|personnummer|id|"
    r"specimen|sample|barcode|tracking"
)


class _Pattern(NamedTuple):
    info_type: InfoType
    confidence: float
    form: re.Pattern[str]
    """What is found is its group `v`, else all of it."""
    holds: Callable[[str], bool] | None = None


def _luhn(found: str) -> bool:
    digits = [int(digit) for digit in re.sub(r"\D", "", found)]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _vin(found: str) -> bool:
    """The check digit of 49 CFR 565.15."""
    values = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10), *range(10)], strict=True))
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = sum(values[letter] * weight for letter, weight in zip(found.upper(), weights, strict=True)) % 11
    return found[8].upper() == ("X" if rest == 10 else str(rest))


def _address(found: str) -> bool:
    """Four numbers with dots are a version as often as an address: private ranges, or mostly numbers of several digits."""
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return address.is_private or sum(len(octet) > 1 for octet in found.split(".")) >= 3


def _own_uid(found: str) -> bool:
    return not found.startswith("1.2.840.10008.") and len(found) >= 14


def _p(info_type: InfoType, confidence: float, form: str, holds: Callable[[str], bool] | None = None, *, cased: bool = False) -> _Pattern:
    return _Pattern(info_type, confidence, re.compile(form, 0 if cased else re.IGNORECASE), holds)


_PATTERNS = (
    _p(InfoType.EMAIL_ADDRESS, 0.99, r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}(?!\w)"),
    _p(InfoType.URL, 0.95, r"(?:https?|ftp|file)://[^\s\"'<>]+|(?<!\w)www\.[\w-]+\.[^\s\"'<>]+"),
    _p(InfoType.MAC_ADDRESS, 0.95, r"(?<![\w:-])[0-9a-f]{2}(?P<s>[:-])(?:[0-9a-f]{2}(?P=s)){4}[0-9a-f]{2}(?![\w:-])"),
    _p(InfoType.IP_ADDRESS, 0.9, r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", _address),
    _p(InfoType.US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER, 0.9, r"(?<![\w-])9\d\d-[5-9]\d-\d{4}(?![\w-])"),
    _p(InfoType.US_SOCIAL_SECURITY_NUMBER, 0.9, r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    _p(
        InfoType.US_SOCIAL_SECURITY_NUMBER,
        0.95,
        r"(?<!\w)(?:ssn?|social security(?:\s?(?:no|number|#))?)" + _MARK + r"(?P<v>\d{3}[ -]?\d\d[ -]?\d{4})(?!\d)",
    ),
    _p(InfoType.CREDIT_CARD_NUMBER, 0.95, r"(?<![\w.-])\d{4}(?:[ -]?\d{2,6}){2,4}(?![\w-])", _luhn),
    _p(InfoType.US_VEHICLE_IDENTIFICATION_NUMBER, 0.9, r"(?<!\w)[A-HJ-NPR-Z0-9]{17}(?!\w)", _vin),
    _p(InfoType.PASSPORT, 0.9, r"(?<!\w)(?:passport|reisepass|passeport|pasaporte)" + _MARK + r"(?P<v>(?=\w*\d{3})[A-Z0-9]{6,10})(?!\w)"),
    _p(
        InfoType.US_DRIVERS_LICENSE_NUMBER,
        0.9,
        r"(?<!\w)(?:dl|d\.l\.|driver'?s?'?\s(?:licen[cs]e|lic\.?))" + _MARK + r"(?P<v>[A-Z]{0,2}[\d-]{5,13})(?!\w)",
    ),
    _p(InfoType.SWIFT_CODE, 0.9, r"(?<!\w)(?:swift|bic)(?:\s?code)?" + _MARK + r"(?P<v>[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)(?!\w)"),
    _p(
        InfoType.PHONE_NUMBER,
        0.95,
        r"(?<!\w)(?:tel|tél|phone|ph|fon|fax|mobile|mob|cell|pager|bleep|call|contact|handy)(?:e?f?on?o?)?\.?"
        + _MARK
        + r"(?P<v>\+?\(?\d[\d\s().x/-]{3,18}\d)(?!\w)",
    ),
    _p(
        InfoType.PHONE_NUMBER,
        0.9,
        r"(?<![\w.+-])(?:\+?1[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[-.\s])\d{3}[-.]\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,5})?(?![\w-])",
    ),
    _p(InfoType.PHONE_NUMBER, 0.9, r"(?<!\w)\+\d{1,3}[\s.-]?\(?\d{1,4}\)?(?:[\s.-]?\d{2,4}){2,4}(?!\w)"),
    _p(InfoType.PHONE_NUMBER, 0.8, r"(?<![\w.-])(?:0\d{2,4}[\s/-]\d{3,4}[\s-]?\d{3,4})(?![\w-])"),
    _p(InfoType.GENERIC_ID, 0.9, r"(?<![\d.])(?:[0-2]\.(?:0|[1-9]\d*)(?:\.\d+){3,}|2\.25\.\d{9,})(?!\.?\d)", _own_uid),
    _p(InfoType.GENERIC_ID, 0.9, r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])"),
    _p(
        InfoType.GENERIC_ID,
        0.9,
        rf"(?<![\w])(?:{_ID_LABEL})(?![^\W\d_]){_MARK}{_ID}(?![\w])",
        lambda found: sum(map(str.isdigit, found)) >= 3,
    ),
    _p(InfoType.GENERIC_ID, 0.95, r"(?<!\w)(?:nhs|chi|medicare|ihi)" + _MARK + r"(?P<v>\d{3,4}\s\d{3,5}\s\d{1,4})(?!\w)"),
    _p(InfoType.GENERIC_ID, 0.75, r"(?<![^\W_])(?<![.,])[A-Z]{0,4}[-_]?\d{7,}[A-Z]?(?![^\W_]|[.,]\d)"),
    _p(InfoType.GENERIC_ID, 0.7, r"(?<![^\W_])(?<![.-])[A-Z]{1,4}[-_]?\d{5,6}(?![^\W_]|[.,]\d)", cased=True),
    _p(InfoType.GENERIC_ID, 0.7, r"(?<![\w.-])(?:[A-Z]{1,4}[-/])?\d{2,6}[-/]\d{4,}(?:[-/]\w+)?(?![\w.-])"),
    _p(InfoType.GENERIC_ID, 0.7, r"(?<![\w.-])[A-Z]{1,4}[-/]\d{2,4}[-/]\d{3,}(?![\w.-])", cased=True),
    _p(InfoType.GENERIC_ID, 0.7, r"(?<![\w.-])\d{2,4}-\d{2,4}-\d{3,5}(?![\w.-])"),
    _p(
        InfoType.AGE,
        0.9,
        r"(?<![\w.])\d{1,3}\s?-?\s?(?:y/?o|y\.o\.|(?:years?|yrs?|yr|months?|mths?|weeks?|wks?|days?)[\s-]?old|jahre(?:\salt)?|ans|años|anni|jaar)(?!\w)",
    ),
    _p(
        InfoType.AGE,
        0.9,
        r"(?<!\w)(?:age|aged|alter|âge|edad|leeftijd)\s*[:=]?\s*(?P<v>\d{1,3}\s?(?:y(?:ea)?rs?|y|m|months?)?)(?![\w.]*\w)",
    ),
    _p(InfoType.AGE, 0.85, r"(?<!\w)0\d\d[YMWD](?!\w)", cased=True),
    _p(InfoType.AGE, 0.8, r"(?<![\w.])\d{1,3}\s?[Yy](?:rs?)?[\s/,]{0,2}(?:[MFmf]|male|female)(?!\w)"),
    _p(InfoType.AGE, 0.8, r"(?<![\w.])(?P<v>\d{2,3})[\s-](?:year|yr)s?[\s-]+(?:male|female|man|woman|boy|girl|m|f)(?!\w)"),
    _p(InfoType.AGE, 0.75, r"(?<![\w.])(?P<v>\d{2,3})\s?[MF](?=\s(?:with|w/|presenting|c/o|s/p|hx)(?!\w))", cased=True),
    _p(InfoType.LOCATION, 0.9, r"(?<!\w)p\.?\s?o\.?\sbox\s\d+(?!\w)"),
    _p(
        InfoType.LOCATION,
        0.9,
        rf"(?<![\w.])\d{{1,5}}[A-Za-z]?,?\s+(?:[{_UP}NSEW][\w.'’-]*\s+){{1,4}}(?:St|Street|Str|Ave|Avenue|Rd|Road|Blvd|Boulevard|Lane|Ln|Drive|Dr|Court|Way|Place|Pl|Terrace|"
        r"Square|Sq|Parkway|Pkwy|Highway|Hwy|Close|Crescent|Row|ST|STREET|AVE|AVENUE|RD|ROAD|BLVD|LANE|LN|DRIVE|DR|COURT|WAY|PLACE|PKWY|HWY)(?!\w)\.?"
        rf"(?:,?\s(?:Apt|Suite|Ste|Unit|#)\.?\s?\w+)?(?:,\s[{_UP}][\w.'-]+(?:\s[{_UP}][\w.'-]+)?)?(?:,?\s[A-Z]{{2}})?(?:\s\d{{5}}(?:-\d{{4}})?(?!\d))?",
        cased=True,
    ),
    _p(
        InfoType.LOCATION,
        0.9,
        rf"(?<!\w)(?:[{_UP}][{_LETTER}.-]{{0,30}}\s){{0,2}}[{_UP}][{_LETTER}-]{{0,30}}(?:straße|strasse|str\.|weg|platz|gasse|allee|straat|laan|plein)\s?\d{{1,4}}[a-z]?(?!\w)",
        cased=True,
    ),
    _p(
        InfoType.LOCATION,
        0.85,
        rf"(?<!\w)(?:\d{{1,4}},?\s)?(?:rue|avenue|calle|via|rua|avenida|plaza|place|piazza|camino)\s(?:(?:de|del|della|du|des|la|las|los|l')\s?){{0,2}}[{_UP}][{_LETTER}'-]+(?:\s[{_UP}][{_LETTER}'-]+){{0,2}}(?:,?\s\d{{1,4}})?(?!\w)",
    ),
    _p(
        InfoType.LOCATION,
        0.9,
        rf"(?<!\w)[{_UP}][{_LETTER}.'-]+(?:\s[{_UP}][{_LETTER}.'-]+){{0,2}},?\s[A-Z]{{2}},?\s\d{{5}}(?:-\d{{4}})?(?!\w)",
        cased=True,
    ),
    _p(InfoType.LOCATION, 0.85, r"(?<!\w)(?:zip|zip\s?code|postcode|plz)\s*[:=]?\s*(?P<v>[A-Z0-9][A-Z0-9 -]{3,8}\d[A-Z]{0,2})(?!\w)"),
    _p(InfoType.LOCATION, 0.8, r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}(?!\w)", cased=True),
)


def in_patterns(text: str) -> Iterator[TextFinding]:
    """What stands in one value of any text by its form; findings may overlap."""
    for date in dates_in(text):
        yield TextFinding(date.start, date.end, InfoType.DATE, 0.9 if date.day else 0.7, "pattern")
    for pattern in _PATTERNS:
        group = "v" if "v" in pattern.form.groupindex else 0
        for match in pattern.form.finditer(text):
            if pattern.holds is None or pattern.holds(match[group]):
                yield TextFinding(match.start(group), match.end(group), pattern.info_type, pattern.confidence, "pattern")
