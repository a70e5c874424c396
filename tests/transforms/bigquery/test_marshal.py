"""Rows by the rules of the export's ANALYTICS_V2 schema: nothing lost, nothing invented, nothing dropped in silence."""

import copy
import json
from pathlib import Path

import pytest
from apache_beam.io.gcp.bigquery_tools import RowAsDictJsonCoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.bigquery.marshal import NoColumnError, full_name, provenance_row, short_name
from transforms.model.records import Action, BoxFinding, TagFinding
from transforms.provenance.shapes import Shape

SEED = Path(__file__).parents[2] / "seed_page"
NOW = "2026-03-01T09:30:00.000Z"


def page(name):
    return json.loads((SEED / name).read_text())


def page_resources():
    bundle = [{"id": "made-by-the-server", **entry["resource"]} for entry in page("sample-bundle.json")["entry"]]
    return [page("instance-provenance.json"), page("operation-provenance.json"), *bundle]


@pytest.mark.parametrize("resource", page_resources())
def test_what_the_page_shows_has_a_row(resource, conforms):
    row = provenance_row(resource, NOW)
    conforms(row)
    assert (row["id"], row["lastUpdated"]) == (resource["id"], NOW)


def test_the_pages_instance_field_by_field():
    entity = provenance_row(page("instance-provenance.json"), NOW)["entity"][0]
    assert entity["WIDTH"] == [{"value": {"decimal": 2000.0}}]
    assert entity["dicom_images"] == [
        {
            "frame_index": [
                {
                    "value": {"decimal": 0.0},
                    "left": [{"value": {"decimal": 100.0}}],
                    "right": [{"value": {"decimal": 200.0}}],
                    "top": [{"value": {"decimal": 100.0}}],
                    "bottom": [{"value": {"decimal": 200.0}}],
                    "relative_left": [{"value": {"decimal": 0.05}}],
                    "relative_right": [{"value": {"decimal": 0.1}}],
                    "relative_top": [{"value": {"decimal": 0.05}}],
                    "relative_bottom": [{"value": {"decimal": 0.1}}],
                    "quote": [{"value": {"string": "John Doe"}}],
                    "infoType": [{"value": {"string": "PERSON_NAME"}}],
                    "confidence": [{"value": {"decimal": 0.7}}],
                },
                {"value": {"decimal": 1.0}},
            ]
        }
    ]
    assert entity["dicom_tags"] == [
        {
            "tag_id": [
                {
                    "value": {"string": "00102150"},
                    "byte_start": [{"value": {"decimal": 0.0}}],
                    "byte_end": [{"value": {"decimal": 2.0}}],
                    "finding_infotype": [{"value": {"string": "LOCATION"}}],
                    "text_original": [{"value": {"string": "US"}}],
                    "text_replaced": [{"value": {"string": "LOCATION"}}],
                    "deidentify_action": [{"value": {"string": "CLEANED"}}],
                    "deidentify_reason": [{"value": {"string": "Matched VR: LO"}}],
                }
            ]
        }
    ]


def test_a_choice_element_becomes_a_record_of_its_type(provenance):
    assert provenance_row(page("operation-provenance.json"), NOW)["occurred"] == {"dateTime": "2010-11-08T08:30:00-04:00"}
    assert provenance_row(provenance(), NOW)["occurred"] == {
        "period": {"start": "2026-03-01T09:30:00.000Z", "end": "2026-03-01T09:30:01.250Z"}
    }


def test_an_extension_that_repeats_is_an_array_in_its_order():
    resource = next(resource for resource in page_resources() if len(resource["entity"][0].get("extension", [])) == 2)
    frame = provenance_row(resource, NOW)["entity"][0]["dicom_images"][0]["frame_index"][0]
    assert [left["value"]["decimal"] for left in frame["left"]] == [100.0, 900.0]


def value(items, kind="string"):
    return items[0]["value"][kind] if items else None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data(), shape=st.sampled_from(Shape))
def test_no_box_and_no_element_is_lost(data, shape, provenance, findings, conforms):
    tags, boxes = (data.draw(strategy) for strategy in findings)
    row = provenance_row(provenance(tags, boxes, shape=shape), NOW)
    conforms(row)
    entity = row["entity"][0]
    kept = [frame for images in entity.get("dicom_images", []) for frame in images["frame_index"]]
    assert [
        (frame["value"]["decimal"], *(value(frame[edge], "decimal") for edge in ("left", "top", "right", "bottom")), value(frame["quote"]))
        for frame in kept
    ] == [(box.frame, box.left, box.top, box.right, box.bottom, _printed(box.text)) for box in sorted(boxes, key=lambda box: box.frame)]
    changed = [tag for group in entity.get("dicom_tags", []) for tag in group["tag_id"]]
    assert [
        (tag["value"]["string"], value(tag["deidentify_action"]), value(tag.get("tag_path")), value(tag.get("text_original")))
        for tag in changed
    ] == [(tag.tag, tag.action.value, tag.path or None, _printed(tag.original)) for tag in tags]


def _printed(text):
    """As a FHIR string: any white space is a plain space."""
    return None if text is None else "".join(" " if character.isspace() else character for character in text)


def test_both_shapes_give_the_same_row(provenance):
    found = (
        [TagFinding("00100010", Action.REMOVED, "Matched ID: 00100010", "00081140[0]", "Doe")],
        [BoxFinding(1, 2, 3, 40, 50, "DOE", 0.5)],
    )
    assert provenance_row(provenance(*found, shape=Shape.R4), NOW) == provenance_row(provenance(*found), NOW)


def test_findings_that_were_put_together_have_a_row_that_counts_them(provenance, conforms):
    many = [TagFinding("00100010", Action.REMOVED, "Matched ID: 00100010", f"00081140[{item}]", "Doe^John") for item in range(9000)]
    row = provenance_row(provenance(many), NOW)
    conforms(row)
    group = row["entity"][0]["dicom_tags"][0]
    assert [tag["count"][0]["value"]["decimal"] for tag in group["tag_id"]] == [9000.0]
    assert group["aggregated"]


def test_a_load_job_can_carry_the_row(provenance):
    row = provenance_row(provenance([TagFinding("00100010", Action.REMOVED, "Matched ID: 00100010", original="Ærø 東")]), NOW)
    assert json.loads(RowAsDictJsonCoder().encode(row)) == row


def test_the_resource_is_left_as_it_was(provenance):
    resource = provenance([TagFinding("00100010", Action.REMOVED, "reason")], shape=Shape.R4)
    before = copy.deepcopy(resource)
    provenance_row(resource, NOW)
    assert resource == before


@pytest.mark.parametrize(
    ("url", "column"),
    [
        ("https://g.co/dicom-images", "dicom_images"),
        ("https://g.co/DICOM_IMAGES", "DICOM_IMAGES"),
        ("https://g.co/WIDTH/", "WIDTH"),
        ("infoType", "infoType"),
        ("https://example.org/1st.part", "_1st_part"),
        ("https://example.org/" + "x" * 400, "x" * 300),
    ],
)
def test_a_column_is_named_after_the_last_part_of_the_url(url, column):
    assert short_name(url) == column


def test_a_full_name_is_the_url_without_its_scheme():
    assert full_name("https://example.org/ext-1") == "example_org_ext_1"


def with_extension(*extensions):
    resource = page("instance-provenance.json")
    resource["entity"][0]["extension"] = list(extensions)
    return resource


def test_names_of_columns_do_not_tell_upper_from_lower_case():
    row = provenance_row(with_extension({"url": "https://g.co/Width", "valueDecimal": 7}), NOW)
    assert row["entity"][0]["WIDTH"] == [{"value": {"decimal": 7.0}}]


UNMAPPED = {
    "an unknown extension": (
        with_extension({"url": "https://g.co/new", "valueString": "x"}),
        {"path": "Provenance.entity[0].extension[0]", "value": {"url": "https://g.co/new", "valueString": "x"}},
    ),
    "an unknown child": (
        with_extension({"url": "https://g.co/dicom-tags", "extension": [{"url": "tag-idea", "valueString": "x"}]}),
        {"path": "Provenance.entity[0].extension[0].extension[0]", "value": {"url": "tag-idea", "valueString": "x"}},
    ),
    "a value of another type": (
        with_extension({"url": "https://g.co/WIDTH", "valueString": "x"}),
        {"path": "Provenance.entity[0].extension[0].valueString", "value": "x"},
    ),
    "the name of an element": (
        with_extension({"url": "https://g.co/agent", "valueString": "x"}),
        {"path": "Provenance.entity[0].extension[0]", "value": {"url": "https://g.co/agent", "valueString": "x"}},
    ),
    "the name of a column of ours": (
        {**page("instance-provenance.json"), "unmapped": ["x"]},
        {"path": "Provenance.unmapped", "value": ["x"]},
    ),
    "the extension of a primitive": (
        {**page("instance-provenance.json"), "_recorded": {"id": "x"}},
        {"path": "Provenance._recorded", "value": {"id": "x"}},
    ),
    "a type inside itself": (
        {**page("instance-provenance.json"), "location": {"identifier": {"assigner": {"display": "x"}}}},
        {"path": "Provenance.location.identifier.assigner", "value": {"display": "x"}},
    ),
}


@pytest.mark.parametrize(("resource", "expected"), UNMAPPED.values(), ids=UNMAPPED)
def test_what_has_no_column_of_its_own_stands_whole_in_unmapped(resource, expected, conforms):
    row = provenance_row(resource, NOW)
    conforms(row)
    assert [json.loads(part) for part in row["unmapped"]] == [expected]


def test_two_urls_of_one_name_both_stand_in_unmapped():
    row = provenance_row(with_extension({"url": "https://a/WIDTH", "valueDecimal": 1}, {"url": "https://b/WIDTH", "valueDecimal": 2}), NOW)
    assert [json.loads(part)["value"]["url"] for part in row["unmapped"]] == ["https://a/WIDTH", "https://b/WIDTH"]
    assert "WIDTH" not in row["entity"][0]


REFUSED = {
    "a value twice": with_extension(
        {
            "url": "https://g.co/dicom-tags",
            "extension": [{"url": "tag-id", "valueString": "A", "extension": [{"url": "tag", "valueString": "B"}]}],
        }
    ),
    "an array that should not be": {**page("instance-provenance.json"), "recorded": ["JOHN DOE"]},
    "no array where one should be": {**page("instance-provenance.json"), "policy": "JOHN DOE"},
    "an extension without a url": with_extension({"valueString": "JOHN DOE"}),
    "extensions that are no array": {**page("instance-provenance.json"), "agent": [{"extension": "JOHN DOE"}]},
    "not a number": with_extension({"url": "https://g.co/WIDTH", "valueDecimal": float("nan")}),
    "a number beyond all columns": with_extension({"url": "https://g.co/WIDTH", "valueDecimal": 10**400}),
    "no id": {name: value for name, value in page("instance-provenance.json").items() if name != "id"},
    "another resource": {"resourceType": "Patient", "id": "JOHN-DOE"},
}


@pytest.mark.parametrize("resource", REFUSED.values(), ids=REFUSED)
def test_what_is_no_provenance_is_refused_without_a_word_of_it(resource):
    with pytest.raises(NoColumnError) as refusal:
        provenance_row(resource, NOW)
    assert "DOE" not in str(refusal.value)
