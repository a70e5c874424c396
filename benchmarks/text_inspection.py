"""How well texts in headers are inspected: recall, precision and time on strings that no rule was made from.

    python -m benchmarks.text_inspection [--misses] [--seed 11]

The strings are fixed cases (`text_inspection.txt`, PHI in braces: `{Jane Doe|PERSON_NAME}`) and generated ones: templates of
header texts filled from lists of their own with a seeded generator. Each generated string stands in an instance whose
patient has a header of its own. Recall: PHI of which every letter and digit is covered. Precision: findings that touch PHI.
Figures are given with the instance's header, as in a run, and without it.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import random
import re
import time
from collections import Counter
from pathlib import Path

from pydicom.dataset import Dataset

from transforms.inspection.engine import Engine
from transforms.inspection.header import terms_of
from transforms.inspection.inspector import Inspector
from transforms.inspection.ner import PresidioEngine
from transforms.inspection.terms import Terms

_MARKED = re.compile(r"\{([^{}|]+)\|([A-Z_]+)\}")
_FAMILY = """
    Achterberg Bellweather Blackwood Carvalho Christodoulou Czarnecki Dunleavy Eriksson Featherstone Ferrari Gonçalves Hutchinson
    Iglesias Jaworski Kirkpatrick Kovačević Lefebvre Lombardi MacDougall Mahadevan Montague Mwangi Nordström O'Donnell Obafemi Pendergast
    Radcliffe Rasmussen Santillan Sokolov Stavropoulos Tomlinson Uchida Vanderbilt Weatherby Whitlock Yildiz Zielinski Fields Parrish
    """.split()
_GIVEN = """
    Adaeze Alistair Anselm Aurelia Bjorn Cassandra Chidi Delphine Evangeline Fergus Giancarlo Hadiza Isolde Jemima Kazimierz Lorcan
    Mirabel Noor Octavia Percival Rashida Sabina Thandiwe Umberto Vasilisa Wilhelmina Yevgeny Zara Kevin Martha Daniel Sofia Helen Peter
    """.split()
_TOWNS = "Ashford Bergamo Charleston Duluth Eindhoven Fremont Gdansk Halifax Ipswich Jacksonville Kingston Leipzig Modesto Nairobi".split()
_STREETS = "Chestnut Devonshire Franklin Hawthorne Magnolia Riverside Sycamore Washington".split()
_TEMPLATES = """
    {name}
    {caret}
    {comma}
    XR SPINE {NAME}
    {NAME} 2ND EXAM
    {name}: limited views
    {caret}-KNEE
    Patient {name} scanned feet first
    name on wristband: {name}
    scan started by {other}
    requested by Dr {other}
    Dr. {other} will review
    Radiologist: {other}
    Interpreted by {other}, {date}
    {other} RT performed scan
    tell {other} at {phone}
    {id}
    ID: {id}
    hospital number {id}
    {id} CT HEAD
    {caret}_{id}
    acc. {acc} addendum
    Order {acc}
    {date}
    last seen {date}
    CT of {date} for comparison
    Surgery on {date}
    Birth date {birth}
    birthdate {birth} verified
    {age} man, weight loss
    {age} with abdominal pain
    referred by {hospital}
    {hospital} ultrasound lab
    {HOSPITAL}
    CD from {hospital}, {date}
    home: {address}
    {address}
    contact {mail}
    social security {ssn}
    fax {phone}
    {name}, born {birth}, {id}
    EXAM{date8}
    {family} family history positive
    Spoke with Mr. {family}
    arrived from {town}
    """.strip().split("\n")


@dataclasses.dataclass(frozen=True)
class Case:
    """A text, where PHI stands in it (half open), and the header it stands under."""

    text: str
    phi: tuple[tuple[int, int, str], ...]
    terms: Terms


def marked(line: str, terms: Terms) -> Case:
    """A case from a line with PHI in braces."""
    text, spans, at = "", [], 0
    for match in _MARKED.finditer(line):
        text += line[at : match.start()]
        spans.append((len(text), len(text) + len(match[1]), match[2]))
        text += match[1]
        at = match.end()
    return Case(text + line[at:], tuple(spans), terms)


def fixed() -> list[Case]:
    """The cases of the file beside this one; their header names nobody."""
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return [marked(line, Terms(())) for line in lines if line and not line.startswith("# ")]


def generated(seed: int, rounds: int) -> list[Case]:
    """Every template `rounds` times, each under a patient of its own."""
    chance = random.Random(seed)  # noqa: S311 - test data
    return [_filled(template.strip(), chance) for _ in range(rounds) for template in _TEMPLATES]


def _filled(template: str, chance: random.Random) -> Case:
    family, given = chance.choice(_FAMILY), chance.choice(_GIVEN)
    other = chance.choice(["{} {}", "{} {}", "{:.1}. {}"]).format(chance.choice(_GIVEN), chance.choice(_FAMILY))
    birth = dt.date(chance.randint(1925, 2010), chance.randint(1, 12), chance.randint(1, 28))
    study = dt.date(chance.randint(2005, 2024), chance.randint(1, 12), chance.randint(1, 28))
    number = chance.choice(["{:08d}", "{:07d}", "P{:06d}", "{:09d}"]).format(chance.randint(100000, 9999999))
    accession = chance.choice(["R{:07d}", "{:010d}", "XR-{:06d}"]).format(chance.randint(100000, 999999))
    town, street = chance.choice(_TOWNS), chance.choice(_STREETS)
    hospital = chance.choice(["{} Memorial Hospital", "{} Medical Center", "Mercy Hospital of {}", "{} Orthopedic Clinic"]).format(town)
    spelled = ("%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%d-%b-%Y", "%B %d, %Y", "%d %b %y", "%Y%m%d", "%m/%d/%y")
    values = {
        "name": (f"{given} {family}", "PERSON_NAME"),
        "NAME": (f"{given} {family}".upper(), "PERSON_NAME"),
        "caret": (f"{family}^{given}".upper(), "PERSON_NAME"),
        "comma": (f"{family}, {given}", "PERSON_NAME"),
        "family": (family, "PERSON_NAME"),
        "other": (other, "PERSON_NAME"),
        "id": (number, "GENERIC_ID"),
        "acc": (accession, "GENERIC_ID"),
        "birth": (birth.strftime(chance.choice(spelled)), "DATE"),
        "date": (study.strftime(chance.choice(spelled)), "DATE"),
        "birth8": (f"{birth:%Y%m%d}", "DATE"),
        "date8": (f"{study:%Y%m%d}", "DATE"),
        "age": (chance.choice(["{} y/o", "{}yo", "{} year old", "{}-year-old", "0{}Y"]).format(chance.randint(18, 98)), "AGE"),
        "hospital": (hospital, "LOCATION"),
        "HOSPITAL": (hospital.upper(), "LOCATION"),
        "town": (town, "LOCATION"),
        "address": (f"{chance.randint(2, 9999)} {street} {chance.choice(['Street', 'Ave', 'Rd', 'Drive'])}, {town}", "LOCATION"),
        "phone": (
            chance.choice(["({}) 555-{}", "{}-555-{}", "{}.555.{}"]).format(chance.randint(201, 989), chance.randint(1000, 9999)),
            "PHONE_NUMBER",
        ),
        "mail": (f"{given}.{family}@clinic.example".lower(), "EMAIL_ADDRESS"),
        "ssn": (f"{chance.randint(101, 665)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}", "US_SOCIAL_SECURITY_NUMBER"),
    }
    header = Dataset()
    header.PatientName, header.PatientID, header.AccessionNumber = f"{family}^{given}", number, accession
    header.PatientBirthDate, header.StudyDate = f"{birth:%Y%m%d}", f"{study:%Y%m%d}"
    line = re.sub(r"\{(\w+)\}", lambda match: "{%s|%s}" % values[match[1]], template)  # noqa: UP031 - braces on both sides
    return marked(line, terms_of(header))


def _covered(case: Case, start: int, end: int, hidden: set[int]) -> bool:
    return all(at in hidden for at in range(start, end) if case.text[at].isalnum())


def measure(cases: list[Case], engine: Engine, *, with_header: bool, show: bool = False) -> dict[str, float]:
    """Counts and ratios over the cases; `show` prints what was missed and what was found in vain."""
    counts = Counter[str]()
    seconds = 0.0
    for case in cases:
        inspector = Inspector(case.terms if with_header else Terms(()), engine)
        began = time.perf_counter()
        findings = inspector.inspect(case.text, "LO")
        seconds += time.perf_counter() - began
        counts["harmless"] += not case.phi
        counts["touched"] += bool(findings) and not case.phi
        hidden = {at for one in findings for at in range(one.start, one.end)}
        for start, end, info_type in case.phi:
            found = _covered(case, start, end, hidden)
            counts["phi"] += 1
            counts["found"] += found
            if show and not found:
                print(f"missed {info_type}: {case.text[start:end]!r} in {case.text!r}: {[case.text[o.start : o.end] for o in findings]}")
        for one in findings:
            right = any(start < one.end and one.start < end for start, end, _ in case.phi)
            counts["findings"] += 1
            counts["right"] += right
            if show and not right:
                print(f"in vain {one.info_type} ({one.by}): {case.text[one.start : one.end]!r} in {case.text!r}")
    return {
        "strings": len(cases),
        "phi": counts["phi"],
        "recall": counts["found"] / counts["phi"],
        "findings": counts["findings"],
        "precision": counts["right"] / counts["findings"],
        "touched": counts["touched"] / max(counts["harmless"], 1),
        "ms": 1000 * seconds / len(cases),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="print what was missed and what was found in vain")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    engine = PresidioEngine()
    engine.find("Warm up, Henry")
    sets = {"fixed": fixed(), "generated": generated(options.seed, options.rounds)}
    columns = ("strings", "header", "n", "PHI", "recall", "findings", "precision", "harmless strings touched", "ms a string")
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for name, cases in (*sets.items(), ("all", [*sets["fixed"], *sets["generated"]])):
        for with_header in (True, False) if name != "fixed" else (False,):
            row = measure(cases, engine, with_header=with_header, show=options.misses and name != "all")
            print(
                f"| {name} | {'with' if with_header else 'without'} | {row['strings']} | {row['phi']} | {row['recall']:.3f} "
                f"| {row['findings']} | {row['precision']:.3f} | {row['touched']:.3f} | {row['ms']:.1f} |"
            )


if __name__ == "__main__":
    main()
