from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.local.fhirpath import ExpressionError, evaluator, normalise, reference_evaluator

BOXES = "Provenance.entity.extension('https://g.co/dicom-images').extension('frame-index').extension('relative-bottom').value.as(Decimal)"


def test_the_pages_expression_finds_every_box_of_every_frame_index(seed_page, provenance):
    flattened = seed_page("sample-bundle.json")["entry"][1]["resource"]
    assert evaluator(BOXES)(flattened) == [0.05, 0.45]
    assert evaluator(BOXES)(provenance("a", bottoms=(0.25, 1, 0.5))) == [0.25, 1, 0.5]
    assert evaluator(BOXES)(provenance("a")) == []


def test_extension_and_as_are_rewritten_but_not_inside_a_literal():
    assert normalise(BOXES).endswith(".extension.where(url='relative-bottom').value.ofType(decimal)")
    assert normalise("(Provenance.occurred as Period)") == "(Provenance.occurred.ofType(Period))"
    assert normalise("Provenance.where(id = 'held as evidence')") == "Provenance.where(id = 'held as evidence')"


@pytest.mark.parametrize("expression", ["Provenance..id", "((", "Provenance.where(", "Provenance id", "Provenance.noSuchFunction()", ""])
def test_what_is_not_fhirpath_is_refused(expression):
    with pytest.raises(ExpressionError):
        evaluator(expression)


URLS = ("https://g.co/dicom-images", "frame-index", "quote")
PRIMITIVE = st.one_of(
    st.integers(0, 9).map(lambda n: {"valueDecimal": n}),
    st.sampled_from([0.5, 0.25]).map(lambda n: {"valueDecimal": n}),
    st.sampled_from(["a", "b"]).map(lambda text: {"valueString": text}),
)
EXTENSIONS = st.recursive(
    st.builds(lambda url, value: {"url": url, **value}, st.sampled_from(URLS), PRIMITIVE),
    lambda children: st.builds(
        lambda url, inner, value: {"url": url, "extension": inner, **value},
        st.sampled_from(URLS),
        st.lists(children, min_size=1, max_size=3),
        PRIMITIVE,
    ),
    max_leaves=8,
)
RESOURCES = st.builds(
    lambda extensions, occurred: {
        "resourceType": "Provenance",
        "recorded": "2026-11-22T10:00:00Z",
        "entity": [{"role": "source", "what": {"identifier": {"value": "x"}}, "extension": extensions}],
        **occurred,
    },
    st.lists(EXTENSIONS, min_size=1, max_size=3),
    st.sampled_from([{}, {"occurredDateTime": "2026"}, {"occurredPeriod": {"start": "2026", "end": "2027"}}]),
)
PATHS = st.sampled_from(
    [
        "Provenance.entity.extension('https://g.co/dicom-images').extension('frame-index').value.as(Decimal)",
        "Provenance.entity.extension.extension.extension('quote').value.ofType(string)",
        "Provenance.entity.extension('quote').value",
        "Provenance.occurred",
        "Provenance.occurred.ofType(dateTime)",
        "Provenance.occurred.as(Period)",
        "Provenance.entity.what.identifier.value",
        "Provenance.recorded",
        "Patient.name",
    ]
)


@settings(deadline=None)
@given(RESOURCES, PATHS)
def test_a_walked_path_finds_what_fhirpathpy_finds(resource, path):
    walked, due = evaluator(path)(resource), reference_evaluator(normalise(path))(resource)
    assert [float(one) if isinstance(one, Decimal | int | float) else one for one in walked] == [
        float(one) if isinstance(one, Decimal | int | float) else one for one in due
    ]


@settings(deadline=None)
@given(RESOURCES, PATHS, PATHS)
def test_a_union_of_walked_paths_has_each_value_once(resource, one, other):
    walked = evaluator(f"{one} | {other}")(resource)
    due = reference_evaluator(normalise(f"{one} | {other}"))(resource)
    assert sorted(map(_comparable, walked)) == sorted(map(_comparable, due))


def _comparable(value) -> str:
    return repr(float(value)) if isinstance(value, Decimal | int | float) else repr(value)


def test_a_bar_in_a_literal_joins_nothing(provenance):
    extension = [{"url": "a|b", "valueString": "x"}]
    assert evaluator("Provenance.extension('a|b').value | Provenance.id")(provenance("i", extension=extension)) == ["x", "i"]


def test_an_expression_that_is_more_than_a_path_is_left_to_fhirpathpy(provenance):
    assert evaluator("Provenance.id | Provenance.recorded")(provenance("a")) == ["a", "2026-11-22T10:00:00.000Z"]
    assert evaluator("Provenance.id | Provenance.agent.who.count()")(provenance("a")) == ["a", 1]
    assert evaluator("Provenance.entity.where(role = 'source').what.identifier.value.count()")(provenance("a")) == [1]
