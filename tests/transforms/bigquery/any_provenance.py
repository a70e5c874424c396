"""A strategy that draws R4 Provenance of any kind, from the models of fhir.resources."""

import datetime as dt
import runpy
from pathlib import Path

from hypothesis import strategies as st

import transforms.bigquery

GENERATOR = runpy.run_path(str(Path(transforms.bigquery.__file__).parent / "data" / "generate_schema.py"))

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=8)
ids = st.from_regex(r"[A-Za-z0-9\-.]{1,12}", fullmatch=True)
urls = st.sampled_from(["https://g.co/WIDTH", "https://g.co/dicom-images", "frame-index", "left", "tag-id", "https://a.org/left", "value"])
times = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(lambda time: time.replace(tzinfo=dt.UTC).isoformat())
PRIMITIVES = {
    "Boolean": st.booleans(),
    "Decimal": st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6),
    "Integer": st.integers(-(2**31), 2**31 - 1),
    "PositiveInt": st.integers(1, 2**31 - 1),
    "UnsignedInt": st.integers(0, 2**31 - 1),
    "Instant": times,
    "DateTime": times,
    "Date": st.dates().map(str),
    "Time": st.times().map(lambda time: time.replace(microsecond=0).isoformat()),
    "Base64Binary": st.sampled_from(["YQ==", "YWJj"]),
    "Id": ids,
    "Code": ids,
    "Oid": st.just("urn:oid:2.25.1"),
    "Uuid": st.uuids(version=4).map(str),
    "Uri": urls,
    "Url": st.just("https://a.org/b"),
    "Canonical": st.just("https://a.org/c"),
    "Xhtml": st.just('<div xmlns="http://www.w3.org/1999/xhtml">x</div>'),
}
VALUES = ("Coding", "Period", "Quantity", "Reference", "HumanName", "Money")


def element(draw, one, depth):
    if one.primitive:
        value = PRIMITIVES.get(one.type, texts)
        return draw(st.lists(value, min_size=1, max_size=2) if one.repeated else value)
    return [fhir(draw, one.type, depth + 1)] if one.repeated else fhir(draw, one.type, depth + 1)


def fhir(draw, name, depth=0):
    """A value of a FHIR type, as its model in fhir.resources has it, with some of its elements; never two of one choice."""
    if name == "Extension":
        return extension(draw, depth)
    made, chosen = {}, set()
    for one in GENERATOR["elements"](name):
        wanted = one.type != "Resource" and one.choice not in chosen and depth < 6 and draw(st.integers(0, 3)) == 0
        if wanted:
            made[one.name] = element(draw, one, depth)
            chosen.add(one.choice or one.name)
    return made or {"id": "x"}


def extension(draw, depth):
    kinds = [one for one in GENERATOR["elements"]("Extension") if one.choice and (one.primitive or one.type in VALUES)]
    made = {"url": draw(urls)}
    if depth < 4 and draw(st.booleans()):
        made["extension"] = [extension(draw, depth + 1) for _ in range(draw(st.integers(1, 3)))]
    else:
        one = draw(st.sampled_from(kinds))
        made[one.name] = element(draw, one, 5)
    return made


@st.composite
def provenances(draw):
    resource = fhir(draw, "Provenance") | {"resourceType": "Provenance", "id": draw(ids), "recorded": draw(times)}
    resource["target"] = [{"reference": "Patient/1"}]
    resource.setdefault("agent", [{}])[0]["who"] = {"display": draw(texts)}
    entity = resource.setdefault("entity", [{}])[0]
    entity |= {"role": "source", "what": {"display": "x"}, "extension": [extension(draw, 1) for _ in range(2)]}
    if draw(st.booleans()):
        resource["contained"] = [{"resourceType": "Device", "id": "d", "lotNumber": draw(texts)}]
    return resource
