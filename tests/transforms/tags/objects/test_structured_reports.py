"""Structured reports: the smallest valid tree in the place of the content, or the content cleaned by Table E.3.4-1."""

import copy

import pydicom
import pytest

from transforms.model.plan import Option
from transforms.tags import policy
from transforms.tags.attributes import required

REPORTS = sorted(uid for uid in pydicom.uid.UID_dictionary if policy.family(uid).name == "structured_report" and required(uid))
CLEANED = (Option.STRUCTURED, Option.DESCRIPTORS)


def name(code, scheme="DCM", meaning="a concept"):
    concept = pydicom.Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = code, scheme, meaning
    return [concept]


def item(kind, code, **values):
    made = pydicom.Dataset()
    made.RelationshipType, made.ValueType, made.ConceptNameCodeSequence = "CONTAINS", kind, name(code)
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def report(made):
    """A function from a SOP class to a report of it, with a template and items of all that a table row can say."""

    def make(sop_class):
        dataset = made(sop_class)
        template = pydicom.Dataset()
        template.MappingResource, template.TemplateIdentifier = "DCMR", "2000"
        dataset.ContentTemplateSequence = [template]
        measured = pydicom.Dataset()
        measured.NumericValue, measured.MeasurementUnitsCodeSequence = "17.25", name("mm", "UCUM")
        dataset.ContentSequence = [
            item("TEXT", "121022", TextValue="ACC-77120"),
            item("TEXT", "121071", TextValue="Effusion in Mr Kowalski"),
            item("PNAME", "121008", PersonName="Nowak^Ewa"),
            item("NUM", "121206", MeasuredValueSequence=[measured]),
        ]
        return dataset

    return make


@pytest.mark.parametrize("sop_class", REPORTS, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_a_report_becomes_its_title_and_one_item(deidentify, report, sop_class):
    done = deidentify(report(sop_class))
    (only,) = done.new.ContentSequence
    assert (only.RelationshipType, only.ValueType, only.TextValue) == ("CONTAINS", "TEXT", "ANONYMIZED")
    assert (done.new.ValueType, "ContentTemplateSequence" in done.new) == ("CONTAINER", False)
    assert b"Kowalski" not in done.scrubbed.content
    assert b"17.25" not in done.scrubbed.content
    assert (done.new.PatientIdentityRemoved, done.holds) == ("YES", ())


@pytest.mark.parametrize("sop_class", REPORTS, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_or_keeps_its_tree_without_what_tells_a_person(deidentify, report, sop_class):
    done = deidentify(report(sop_class), *CLEANED)
    finding, _, measure = done.new.ContentSequence
    assert finding.TextValue.startswith("Effusion in ")
    assert measure.MeasuredValueSequence[0].NumericValue == pydicom.valuerep.DSfloat("17.25")
    assert done.new.ContentTemplateSequence[0].TemplateIdentifier == "2000"
    assert not any(trace in done.scrubbed.content for trace in (b"Kowalski", b"Nowak", b"ACC-77120"))
    assert done.holds == ()


@pytest.mark.servers
@pytest.mark.parametrize("options", [(), CLEANED], ids=["basic", "cleaned"])
@pytest.mark.parametrize("sop_class", REPORTS, ids=lambda uid: pydicom.uid.UID(uid).keyword)
def test_the_output_is_sound(deidentify, report, sound, sop_class, options):
    sound(deidentify(report(sop_class), *options))


@pytest.mark.servers
@pytest.mark.parametrize("options", [(), CLEANED], ids=["basic", "cleaned"])
@pytest.mark.parametrize("file", ["test-SR.dcm", "reportsi.dcm"])
def test_real_reports_are_sound(real_file, deidentify, patient, sound, file, options):
    source = patient(pydicom.dcmread(real_file(file)))
    before = copy.deepcopy(source.ConceptNameCodeSequence)
    done = deidentify(source, *options)
    assert done.new.ConceptNameCodeSequence == before
    sound(done)
