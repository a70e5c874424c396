"""Types by class and path, and what they make of action codes."""

import json
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.tag import Tag

from transforms.tags import attributes
from transforms.tags.attributes import attribute_type, required, resolve_code
from transforms.tags.tables import ROWS

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
US = "1.2.840.10008.5.1.4.1.1.6.1"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
PRIVATE = "1.2.3.4"
DATA = Path(attributes.__file__).parent / "data"
CLASSES = sorted(json.loads((DATA / "attributes.json").read_text())["classes"])
DICOMDIR = "1.2.840.10008.1.3.10"
TAGS = [int(each.tag, 16) for each in ROWS if each.tag != "private" and "x" not in each.tag]
CODES = sorted({each.basic for each in ROWS})


def path(*keywords: str) -> tuple[int, ...]:
    return tuple(int(Tag(keyword)) for keyword in keywords)


@pytest.mark.parametrize(
    ("sop_class", "keywords", "kind"),
    [
        (CT, ["PatientName"], "2"),
        (CT, ["SOPInstanceUID"], "1"),
        (CT, ["ImagePositionPatient"], "1"),
        (CT, ["DeviceSerialNumber"], "3"),
        (ENHANCED_CT, ["DeviceSerialNumber"], "1"),
        (CT, ["ReferencedImageSequence", "ReferencedSOPInstanceUID"], "1"),
        (ENHANCED_CT, ["PerFrameFunctionalGroupsSequence", "FrameContentSequence", "FrameAcquisitionDateTime"], "1C"),
        (SR, ["ContentSequence", "PersonName"], "1C"),
        (SR, ["ContentSequence", "ContentSequence", "ContentSequence", "ConceptNameCodeSequence", "CodeMeaning"], "1"),
        (SR, ["ContentSequence", "ContentSequence"], "1C"),
        (CT, ["ContentSequence"], None),
        (PRIVATE, ["PatientName"], None),
    ],
)
def test_the_type_of_an_attribute(sop_class, keywords, kind):
    assert attribute_type(sop_class, path(*keywords)) == kind


def test_the_strictest_of_several_modules_counts():
    """Manufacturer is Type 2 in General Equipment and Type 1 in Enhanced General Equipment."""
    assert attribute_type(ENHANCED_CT, path("Manufacturer")) == "1"
    assert attribute_type(US, path("Manufacturer")) == "2"


def test_repeating_groups_are_one():
    assert {attribute_type(CT, (group << 16 | 0x0010,)) for group in (0x6000, 0x6002, 0x60FE)} == {"1"}
    assert attribute_type(CT, (0x60010010,)) is None


def test_required_names_types_1_and_2_of_mandatory_modules():
    ct = required(CT)
    assert ct[Tag("Modality")] == "1"
    assert ct[Tag("PatientBirthDate")] == "2"
    assert Tag("ClinicalTrialSponsorName") not in ct, "Type 1, but of a module that a CT need not have"
    assert Tag("PatientComments") not in ct
    assert set(ct.values()) == {"1", "2"}
    assert list(ct) == sorted(ct)
    assert required(PRIVATE) == {}


def test_required_of_an_item():
    assert required(CT, path("ReferencedImageSequence")) == dict.fromkeys(path("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"), "1")
    assert required(CT, path("PatientName")) == {}


def test_what_only_some_content_items_have_is_not_required():
    assert required(SR, path("ContentSequence")) == dict.fromkeys(path("RelationshipType", "ValueType"), "1")
    assert not {*path("MeasuredValueSequence", "GraphicData", "ReferencedSOPSequence")} & set(required(SR))
    assert required(SR)[Tag("ContinuityOfContent")] == required(SR)[Tag("ConceptNameCodeSequence")] == "1", (
        "the root is a container with a title"
    )


def test_no_functional_group_is_required_of_a_frame():
    assert required(ENHANCED_CT, path("PerFrameFunctionalGroupsSequence")) == {}


@pytest.mark.parametrize(
    ("code", "sop_class", "keywords", "action"),
    [
        ("X/Z/D", CT, ["DeviceSerialNumber"], "X"),
        ("X/Z/D", ENHANCED_CT, ["DeviceSerialNumber"], "D"),
        ("X/Z/D", CT, ["AcquisitionDateTime"], "X"),
        ("X/Z/D", US, ["AcquisitionDateTime"], "D"),
        ("X/Z", ENHANCED_CT, ["AcquisitionContextSequence"], "Z"),
        ("Z/D", ENHANCED_CT, ["ContentDate"], "D"),
        ("Z/D", CT, ["PatientID"], "Z"),
        ("X/D", CT, ["ProtocolName"], "X"),
        ("X/D", "1.2.840.10008.5.1.4.1.1.481.5", ["RTPlanDate"], "Z"),
        ("X/Z/U*", CT, ["SourceImageSequence"], "X"),
        ("X/Z/U*", ENHANCED_CT, ["SharedFunctionalGroupsSequence", "DerivationImageSequence", "SourceImageSequence"], "Z"),
        ("X/Z/U*", GSPS, ["ReferencedSeriesSequence", "ReferencedImageSequence"], "U"),
        ("X", GSPS, ["PresentationCreationDate"], "D"),
        ("X", CT, ["ResponsiblePerson"], "Z"),
        ("X", CT, ["PatientComments"], "X"),
        ("X", PRIVATE, ["PatientComments"], "X"),
        ("Z", CT, ["PatientName"], "Z"),
        ("D", CT, ["GraphicAnnotationSequence"], "D"),
        ("U", CT, ["SOPInstanceUID"], "U"),
        ("D", "1.2.840.10008.5.1.4.1.1.91.1", ["AnnotationGroupSequence", "AnnotationGroupUID"], "U"),
    ],
)
def test_a_code_is_resolved_by_type(code, sop_class, keywords, action):
    assert resolve_code(code, sop_class, path(*keywords)) == action


@pytest.mark.parametrize(
    ("code", "action"),
    [("X/Z", "Z"), ("X/D", "D"), ("X/Z/D", "D"), ("Z/D", "D"), ("X/Z/U*", "U"), ("X", "X"), ("Z", "Z"), ("D", "D"), ("U", "U")],
)
def test_where_the_type_is_unknown_d_comes_before_z_before_x(code, action):
    assert resolve_code(code, PRIVATE, path("StationName")) == action
    assert resolve_code(code, CT, path("WaveformSequence", "StationName")) == action


def test_an_overlay_goes_whatever_its_type():
    assert attribute_type(CT, (0x60023000,)) == "1"
    assert resolve_code("X", CT, (0x60023000,)) == "X"


@given(st.sampled_from(CODES), st.sampled_from(CLASSES), st.sampled_from(TAGS))
def test_no_action_makes_an_attribute_invalid(code, sop_class, tag):
    """A Type 1 keeps a value, a Type 2 stays; and what the table wants gone never keeps its own value."""
    action, kind = resolve_code(code, sop_class, (tag,)), attribute_type(sop_class, (tag,))
    assert action in {"1": "DU", "1C": "DU", "2": "ZDU", "2C": "ZDU"}.get(kind, "XZDU")
    assert len(action) == 1


def test_every_tag_and_module_of_the_file_is_reached():
    data = json.loads((DATA / "attributes.json").read_text())
    reached, waiting = set(), [data["modules"][module] for iod in data["iods"].values() for module in iod]
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += [int(text.split()[1]) for text in data["nodes"][node].values() if " " in text]
    assert len(reached) == len(data["nodes"])
    assert set(data["classes"].values()) == set(data["iods"])
    assert all(attribute_type(sop_class, path("SOPClassUID")) for sop_class in CLASSES if sop_class != DICOMDIR)
    assert attribute_type(PRIVATE, path("SOPClassUID")) is None


def test_the_file_is_what_its_generator_makes():
    generate = runpy.run_path(str(DATA / "generate_attributes.py"))["generate"]
    assert generate() == (DATA / "attributes.json").read_text(encoding="utf-8")
