import dataclasses
import datetime as dt
import json
import re
from pathlib import Path

from fhir.resources.R4B.provenance import Provenance
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.model.keys import Secret
from transforms.model.names import LOCAL_DATASET, OperationName
from transforms.model.records import Action, BoxFinding, InstanceRef, InstanceUids, PixelSearch, TagFinding, WrittenInstance
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.operation import operation_provenance
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape

R4_ROLES = {"derivation", "revision", "quotation", "source", "removal"}
SECRET = Secret(b"k" * 32)
PAGE = Path(__file__).parents[2] / "seed_page" / "instance-provenance.json"

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
UIDS = st.builds(InstanceUids, *[st.from_regex(r"2\.25\.[1-9][0-9]{0,9}", fullmatch=True)] * 3)
BOXES = st.builds(
    lambda frame, left, top, width, height, text, confidence: BoxFinding(frame, left, top, left + width, top + height, text, confidence),
    st.integers(0, 3),
    *[st.integers(0, 300)] * 4,
    ANY_TEXT,
    st.none() | st.floats(0, 1),
)
TAGS = st.builds(
    TagFinding,
    tag=st.from_regex(r"[0-9A-F]{8}", fullmatch=True),
    action=st.sampled_from(Action),
    reason=st.just("Matched ID: 00100010"),
    path=st.sampled_from(["", "00081140[0].00081199[2]"]),
    original=st.none() | ANY_TEXT,
    replaced=st.none() | ANY_TEXT,
)
WRITTEN = st.builds(
    WrittenInstance,
    ref=st.just(InstanceRef("00000000000000aa", "/x.dcm", 1)),
    source=UIDS,
    target=UIDS,
    columns=st.sampled_from([0, 512]),
    rows=st.sampled_from([0, 480]),
    frames=st.just(4),
    structured_size=st.integers(0, 10**9),
    tags=st.lists(TAGS, max_size=5).map(tuple),
    boxes=st.lists(BOXES, max_size=5).map(tuple),
    search=st.just(PixelSearch.FAST),
    started=st.datetimes(timezones=st.just(dt.UTC)),
    recorded=st.datetimes(timezones=st.just(dt.UTC)),
)


def build(written, name, phi=Phi.INCLUDE, shape=Shape.GOOGLE):
    return ProvenanceBuilder(name, SECRET, phi, shape).build(written)


def found(resource, url):
    """The extensions under `url`, at any depth, in order."""
    hits = []

    def walk(extensions):
        for extension in extensions:
            if extension["url"] == url:
                hits.append(extension)
            walk(extension.get("extension", []))

    walk(resource["entity"][0]["extension"])
    return hits


def values(resource, url):
    return [extension.get("valueString", extension.get("valueDecimal")) for extension in found(resource, url)]


def by_url(extensions):
    return {extension["url"]: extension for extension in extensions}


def test_an_instance_is_told_as_the_page_tells_it(written, name):
    host = "https://healthcare.googleapis.com/projects/p/locations/l/datasets/d/dicomStores"
    page_store = OperationName("123", f"{host}/s", f"{host}/t", "projects/p/locations/l/datasets/d/fhirStores/m")
    resource = build(written, page_store)
    assert resource["resourceType"] == "Provenance"
    assert resource["target"] == [{"identifier": {"value": f"{host}/t/dicomWeb/studies/2.25.1/series/2.25.2/instances/2.25.3"}}]
    assert resource["recorded"] == "2026-03-01T13:30:01.750Z"
    assert resource["occurredPeriod"] == {"start": "2026-03-01T13:30:00.250Z", "end": "2026-03-01T13:30:01.750Z"}
    assert resource["agent"] == [
        {"who": {"identifier": {"value": "projects/p/locations/l/datasets/d/fhirStores/m/fhir/Provenance/operation-123"}}}
    ]
    (entity,) = resource["entity"]
    assert entity["role"] == "source"
    assert entity["what"] == {"identifier": {"value": f"{host}/s/dicomWeb/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.5"}}
    assert entity["extension"] == [
        {"url": "https://g.co/WIDTH", "valueDecimal": 2000},
        {"url": "https://g.co/HEIGHT", "valueDecimal": 2000},
        {"url": "https://g.co/DICOM_STRUCTURED_SIZE", "valueDecimal": 5321},
        {
            "url": "https://g.co/dicom-images",
            "extension": [
                {
                    "url": "frame-index",
                    "valueDecimal": 0,
                    "extension": [
                        {"url": "left", "valueDecimal": 100},
                        {"url": "right", "valueDecimal": 200},
                        {"url": "top", "valueDecimal": 100},
                        {"url": "bottom", "valueDecimal": 200},
                        {"url": "relative-left", "valueDecimal": 0.05},
                        {"url": "relative-right", "valueDecimal": 0.1},
                        {"url": "relative-top", "valueDecimal": 0.05},
                        {"url": "relative-bottom", "valueDecimal": 0.1},
                        {"url": "quote", "valueString": "John Doe"},
                        {"url": "infoType", "valueString": "PERSON_NAME"},
                        {"url": "confidence", "valueDecimal": 0.7},
                        {"url": "extracted-text", "valueString": "John Doe"},
                    ],
                }
            ],
        },
        {
            "url": "https://g.co/dicom-tags",
            "extension": [
                {
                    "url": "tag-id",
                    "valueString": "00102150",
                    "extension": [
                        {"url": "byte-start", "valueDecimal": 0},
                        {"url": "byte-end", "valueDecimal": 2},
                        {"url": "finding-infotype", "valueString": "LOCATION"},
                        {"url": "text-original", "valueString": "US"},
                        {"url": "text-replaced", "valueString": "LOCATION"},
                        {"url": "deidentify-action", "valueString": "CLEANED"},
                        {"url": "deidentify-reason", "valueString": "Matched VR: LO"},
                    ],
                }
            ],
        },
    ]


def test_every_extension_of_the_pages_sample_has_ours_beside_it(written, name):
    page = json.loads(PAGE.read_text())["entity"][0]["extension"]
    ours = build(written, name)["entity"][0]["extension"]
    assert [extension["url"] for extension in ours] == [extension["url"] for extension in page]
    page_box, our_box = (by_url(extensions)["https://g.co/dicom-images"]["extension"][0] for extensions in (page, ours))
    assert our_box["valueDecimal"] == page_box["valueDecimal"]
    for child in page_box["extension"]:
        assert child in our_box["extension"]
    page_tag, our_tag = (by_url(extensions)["https://g.co/dicom-tags"]["extension"][0] for extensions in (page, ours))
    assert our_tag["valueString"] == page_tag["valueString"]
    assert our_tag["extension"] == page_tag["extension"]


def test_each_box_has_its_own_frame_index_and_a_frame_its_text_once(written, name):
    boxes = (
        BoxFinding(2, 0, 0, 10, 10, "C", 0.5),
        BoxFinding(0, 0, 0, 10, 10, "A", 0.5),
        BoxFinding(0, 20, 0, 30, 10, "", None),
        BoxFinding(0, 40, 0, 50, 10, "B", 1.0),
    )
    resource = build(dataclasses.replace(written, boxes=boxes), name)
    frames = found(resource, "frame-index")
    assert [frame["valueDecimal"] for frame in frames] == [0, 0, 0, 2]
    assert [by_url(frame["extension"]).get("extracted-text", {}).get("valueString") for frame in frames] == ["A B", None, None, "C"]
    assert values(resource, "quote") == ["A", "B", "C"]
    assert values(resource, "confidence") == [0.5, 1, 0.5]


def test_x_is_measured_by_the_width_and_y_by_the_height(written, name):
    wide = dataclasses.replace(written, columns=300, rows=100, boxes=(BoxFinding(0, 1, 2, 300, 50),))
    resource = build(wide, name)
    relative = [values(resource, f"relative-{edge}") for edge in ("left", "right", "top", "bottom")]
    assert relative == [[0.003333], [1], [0.02], [0.5]]


def test_without_pixels_and_findings_no_extension_is_empty(written, name):
    bare = dataclasses.replace(written, columns=0, rows=0, boxes=(), tags=())
    assert build(bare, name)["entity"][0]["extension"] == [{"url": "https://g.co/DICOM_STRUCTURED_SIZE", "valueDecimal": 5321}]


def test_a_nested_element_says_where_it_stood(written, name):
    nested = TagFinding("00080018", Action.REGENERATED_UID, "Matched ID: 00080018", path="00081140[0].00081199[2]")
    resource = build(dataclasses.replace(written, tags=(nested,)), name)
    assert values(resource, "tag-path") == ["00081140[0].00081199[2]"]
    assert values(resource, "deidentify-action") == ["REGENERATED UID"]


def test_an_element_that_changed_as_a_whole_has_no_offsets(written, name):
    whole = TagFinding("00100010", Action.RESET, "Matched ID: 00100010", original="Doe", replaced="ANON")
    resource = build(dataclasses.replace(written, tags=(whole,)), name)
    assert [values(resource, url) for url in ("byte-start", "byte-end", "text-original")] == [[], [], ["Doe"]]


def test_ids_are_stable_and_tell_sources_operations_and_keys_apart(written, name):
    same = build(written, name)["id"]
    assert re.fullmatch(r"i[0-9a-f]{32}", same)
    assert build(dataclasses.replace(written, recorded=written.recorded + dt.timedelta(days=1)), name)["id"] == same
    others = [
        build(dataclasses.replace(written, source=InstanceUids("1.2.3", "1.2.3.4", "1.2.3.4.6")), name)["id"],
        build(dataclasses.replace(written, ref=dataclasses.replace(written.ref, distinct="ab")), name)["id"],
        build(written, dataclasses.replace(name, operation_id="f"))["id"],
        ProvenanceBuilder(name, Secret(b"j" * 32), Phi.INCLUDE, Shape.GOOGLE).build(written)["id"],
    ]
    assert len({same, *others}) == 5


def test_a_local_store_has_no_host_and_another_server_keeps_its_own(written, name):
    assert build(written, name)["target"][0]["identifier"]["value"].startswith(f"{LOCAL_DATASET}/dicomStores/bbbb/dicomWeb/studies/")
    elsewhere = dataclasses.replace(name, destination_store="https://pacs.example/dicom-web", fhir_store="https://fhir.example/r4/")
    resource = build(written, elsewhere)
    assert resource["target"][0]["identifier"]["value"].startswith("https://pacs.example/dicom-web/dicomWeb/studies/")
    assert resource["agent"][0]["who"]["identifier"]["value"] == "https://fhir.example/r4/Provenance/operation-0123456789abcdef"


def test_the_operation_is_told_as_the_page_tells_it(name, written):
    resource = operation_provenance(name, '{"dicom":{}}', written.started, written.recorded)
    Provenance.model_validate(resource)
    assert resource == {
        "resourceType": "Provenance",
        "id": "operation-0123456789abcdef",
        "target": [{"identifier": {"value": f"{LOCAL_DATASET}/dicomStores/bbbb"}}],
        "occurredDateTime": "2026-03-01T13:30:00.250Z",
        "recorded": "2026-03-01T13:30:01.750Z",
        "agent": [
            {
                "who": {
                    "identifier": {"system": "https://g.co/healthcare/operation", "value": f"{LOCAL_DATASET}/operations/0123456789abcdef"}
                }
            }
        ],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"value": f"{LOCAL_DATASET}/dicomStores/aaaa"}},
                "extension": [{"url": "https://g.co/deidentify-config", "valueString": '{"dicom":{}}'}],
            }
        ],
    }


def test_an_operation_that_hashes_says_so(name, written):
    resource = operation_provenance(name, "{}", written.started, written.recorded, "hash")
    Provenance.model_validate(resource)
    assert resource["policy"] == ["urn:dicom-deid:provenance-phi:hash"]


@given(WRITTEN, st.sampled_from(Phi), st.sampled_from(Shape))
@settings(max_examples=60, deadline=None)
def test_whatever_was_found_the_resource_is_valid_r4(written, phi, shape):
    name = OperationName("0", f"{LOCAL_DATASET}/dicomStores/a", f"{LOCAL_DATASET}/dicomStores/b", f"{LOCAL_DATASET}/fhirStores/c")
    resource = build(written, name, phi, shape)
    assert resource["entity"][0]["role"] in R4_ROLES
    text = json.dumps(resource, ensure_ascii=False).encode()
    Provenance.model_validate_json(text)
    assert len(found(resource, "frame-index")) == len(written.boxes)
    assert len(found(resource, "tag-id")) == len(written.tags)
    for extension in walk(resource):
        text = extension.get("valueString")
        assert text is None or text.strip()
        assert text is None or not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)


def walk(resource):
    stack = list(resource["entity"][0]["extension"])
    while stack:
        extension = stack.pop()
        assert extension.get("extension") != []
        stack += extension.get("extension", [])
        yield extension


def test_a_held_instance_is_told_as_such_and_not_as_published(name, written):
    builder = ProvenanceBuilder(name, SECRET, Phi.INCLUDE, Shape.GOOGLE)
    published, held = builder.build(written), builder.build(dataclasses.replace(written, held="RESIDUAL_TOKEN"))
    target = held["target"][0]["identifier"]["value"]
    assert target == f"{LOCAL_DATASET}/dicomStores/quarantine-0123456789abcdef/dicomWeb/studies/2.25.1/series/2.25.2/instances/2.25.3"
    assert held["activity"] == {"coding": [{"system": "urn:dicom-deid:outcome", "code": "held"}], "text": "RESIDUAL_TOKEN"}
    assert "activity" not in published
    assert {**published, "target": 0} == {key: value for key, value in {**held, "target": 0}.items() if key != "activity"}
    Provenance.model_validate(held)


def test_instances_held_for_their_common_uid_have_ids_of_their_own(name, written):
    builder = ProvenanceBuilder(name, SECRET, Phi.INCLUDE, Shape.GOOGLE)
    published = builder.build(written)["id"]
    assert builder.build(dataclasses.replace(written, held="RESIDUAL_TOKEN"))["id"] == published
    colliding = [dataclasses.replace(written.ref, reference=reference, hold="UID_COLLISION") for reference in ("a", "b")]
    held = {builder.build(dataclasses.replace(written, ref=ref, held="UID_COLLISION"))["id"] for ref in colliding}
    assert len(held | {published}) == 3
