import dataclasses
import json

import pytest
from fhir.resources.R4B.provenance import Provenance

from transforms.model.keys import Secret
from transforms.model.records import Action, BoxFinding, TagFinding
from transforms.provenance.aggregate import MAX_BYTES, MAX_FIELDS, fits
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape


@pytest.fixture
def build(name):
    def build(written, shape=Shape.GOOGLE):
        return ProvenanceBuilder(name, Secret(b"k" * 32), Phi.INCLUDE, shape).build(written)

    return build


def under(resource, url):
    return next((extension["extension"] for extension in resource["entity"][0]["extension"] if extension["url"] == url), [])


def value(extension, url):
    return next(
        (next(v for k, v in child.items() if k.startswith("value")) for child in extension["extension"] if child["url"] == url), None
    )


def nested(count, items=1):
    return tuple(
        TagFinding("00080018", Action.REGENERATED_UID, "Matched ID: 00080018", f"52009230[{i}].00081140[{j}]", "1.2", "2.25.1")
        for i in range(count)
        for j in range(items)
    )


def test_as_many_findings_as_fit_are_told_one_by_one(written, build):
    resource = build(dataclasses.replace(written, tags=nested(1000)))
    assert len(under(resource, "https://g.co/dicom-tags")) == 1000
    assert "aggregated" not in json.dumps(resource)


@pytest.mark.parametrize("shape", Shape)
def test_beyond_the_limits_elements_are_counted_by_path_and_it_says_so(written, build, shape):
    other = TagFinding("00100010", Action.RESET, "Matched ID: 00100010", original="Doe")
    resource = build(dataclasses.replace(written, tags=(*nested(3000, 2), other)), shape)
    Provenance.model_validate(resource)
    assert fits(resource)
    *tags, said = under(resource, "https://g.co/dicom-tags")
    assert said == {"url": "aggregated", "valueString": "elements by path, action and reason"}
    assert [value(tag, "tag-path") for tag in tags] == ["52009230.00081140", None]
    assert [value(tag, "count") for tag in tags] == [6000, 1]
    assert len(under(resource, "https://g.co/dicom-images")) == 1
    assert value(under(resource, "https://g.co/dicom-images")[0], "quote") == "John Doe"


def test_long_texts_alone_can_pass_the_limit_of_bytes(written, build):
    tags = tuple(TagFinding(f"0009{i:04X}", Action.DELETED, "Matched Expression: private", original="ü" * 4000) for i in range(900))
    resource = build(dataclasses.replace(written, tags=tags))
    assert len(json.dumps(resource, ensure_ascii=False).encode()) < MAX_BYTES
    assert len(under(resource, "https://g.co/dicom-tags")) == 901


def different(count, step):
    """So many elements, each with a tag of its own; those of one group while `step` is 1."""
    return tuple(TagFinding(f"{0x00090000 + step * at:08X}", Action.DELETED, "Matched Expression: private") for at in range(count))


def test_thousands_of_different_elements_are_counted_by_group_and_the_box_stays(written, build):
    resource = build(dataclasses.replace(written, tags=(*different(6000, 1), *different(2, 0x20000))))
    Provenance.model_validate(resource)
    assert fits(resource)
    *tags, said = under(resource, "https://g.co/dicom-tags")
    assert said == {"url": "aggregated", "valueString": "elements by group and action"}
    assert [tag["valueString"] for tag in tags] == ["0009xxxx", "000Bxxxx"]
    assert [(value(tag, "deidentify-action"), value(tag, "count")) for tag in tags] == [("DELETED", 6001), ("DELETED", 1)]
    assert value(under(resource, "https://g.co/dicom-images")[0], "quote") == "John Doe"


def test_whatever_was_found_there_is_a_rendering_that_fits(written, build):
    resource = build(dataclasses.replace(written, tags=different(5100, 0x10000), boxes=boxes(2500, 1)))
    assert fits(resource)
    (tag, said), (around, _) = under(resource, "https://g.co/dicom-tags"), under(resource, "https://g.co/dicom-images")
    assert said["valueString"] == "elements by action"
    assert (value(tag, "deidentify-action"), value(tag, "count"), value(around, "count")) == ("DELETED", 5100, 2500)


def boxes(frames, each):
    return tuple(
        BoxFinding(frame, 10 * box, 5, 10 * box + 8, 20 + box, f"text {box}", 0.5) for frame in range(frames) for box in range(each)
    )


def test_a_cine_loop_keeps_every_box_and_text_without_what_follows_from_the_edges(written, build):
    resource = build(dataclasses.replace(written, boxes=boxes(120, 14)))
    Provenance.model_validate(resource)
    assert fits(resource)
    *found, said = under(resource, "https://g.co/dicom-images")
    assert said == {"url": "aggregated", "valueString": "relative edges are left out: divide by WIDTH and HEIGHT"}
    assert len(found) == 1680
    assert [value(found[3], url) for url in ("left", "right", "top", "bottom", "quote", "confidence", "relative-left")] == [
        30,
        38,
        5,
        23,
        "text 3",
        0.5,
        None,
    ]
    (tag,) = under(resource, "https://g.co/dicom-tags")
    assert value(tag, "text-original") == "US"


def test_boxes_of_many_frames_are_put_together_frame_by_frame(written, build):
    resource = build(dataclasses.replace(written, boxes=boxes(600, 5)))
    Provenance.model_validate(resource)
    assert fits(resource)
    *frames, said = under(resource, "https://g.co/dicom-images")
    assert said == {"url": "aggregated", "valueString": "boxes by frame: the rectangle around them"}
    assert [frame["valueDecimal"] for frame in frames] == list(range(600))
    assert [value(frames[7], edge) for edge in ("left", "right", "top", "bottom", "count")] == [0, 48, 5, 24, 5]
    assert value(frames[7], "extracted-text") == "text 0 text 1 text 2 text 3 text 4"


def test_elements_stay_one_by_one_where_only_the_boxes_are_too_many(written, build):
    resource = build(dataclasses.replace(written, boxes=boxes(600, 5), tags=nested(20)))
    assert len(under(resource, "https://g.co/dicom-tags")) == 20
    assert value(under(resource, "https://g.co/dicom-tags")[19], "tag-path") == "52009230[19].00081140[0]"


def test_boxes_of_very_many_frames_become_one(written, build):
    boxes = tuple(BoxFinding(frame, frame % 50, 0, frame % 50 + 9, 20) for frame in range(3, 9000))
    resource = build(dataclasses.replace(written, boxes=boxes))
    around, said = under(resource, "https://g.co/dicom-images")
    assert fits(resource)
    assert said["valueString"].startswith("boxes of all frames")
    assert around["valueDecimal"] == 3
    assert [value(around, name) for name in ("left", "right", "count", "last-frame-index")] == [0, 58, 8997, 8999]


def test_a_resource_of_too_many_fields_does_not_fit():
    assert fits({"extension": [{"url": "x"}] * (MAX_FIELDS // 2 - 1)})
    assert not fits({"extension": [{"url": "x"}] * (MAX_FIELDS // 2)})
