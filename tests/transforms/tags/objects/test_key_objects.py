"""Key Object Selection: the selected instances stay selected, under their new UIDs; what was said of them goes."""

import pydicom
import pytest
from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import CodedConcept

from transforms.model.plan import Option


@pytest.fixture
def selection(real_file, patient):
    """Two images, selected with a remark that names the patient."""
    images = [patient(pydicom.dcmread(real_file(name))) for name in ("CT_small.dcm", "MR_small.dcm")]
    images[1].StudyInstanceUID, images[1].PatientID = images[0].StudyInstanceUID, images[0].PatientID
    content = KeyObjectSelection(
        document_title=CodedConcept("113000", "DCM", "Of Interest"), referenced_objects=images, description="Nodule of Kowalski"
    )
    document = KeyObjectSelectionDocument(
        evidence=images,
        content=content,
        series_instance_uid="1.2.276.2.1",
        series_number=1,
        sop_instance_uid="1.2.276.2.2",
        instance_number=1,
        manufacturer="ACME",
        institution_name="St. Mary Hospital",
    )
    return document, [image.SOPInstanceUID for image in images]


def selected(dataset):
    return [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in dataset.ContentSequence if "ReferencedSOPSequence" in item]


def test_the_tree_is_its_references(deidentify, selection, uid_of):
    document, uids = selection
    done = deidentify(document)
    assert selected(done.new) == [uid_of(uid) for uid in uids]
    assert {item.ValueType for item in done.new.ContentSequence} == {"IMAGE"}
    assert all(set(item.dir()) == {"RelationshipType", "ValueType", "ReferencedSOPSequence"} for item in done.new.ContentSequence)
    assert done.new.ConceptNameCodeSequence[0].CodeValue == "113000"
    assert done.new.ContentTemplateSequence[0].TemplateIdentifier == "2010"
    assert b"Kowalski" not in done.scrubbed.content
    assert b"St. Mary" not in done.scrubbed.content
    assert done.new.PatientIdentityRemoved == "YES"


def test_the_evidence_names_the_same_instances(deidentify, selection, uid_of):
    document, uids = selection
    new = deidentify(document).new
    series = [each for study in new.CurrentRequestedProcedureEvidenceSequence for each in study.ReferencedSeriesSequence]
    assert {item.ReferencedSOPInstanceUID for each in series for item in each.ReferencedSOPSequence} == {uid_of(uid) for uid in uids}


def test_with_clean_structured_content_the_remark_stays_without_the_name(deidentify, selection, uid_of):
    document, uids = selection
    done = deidentify(document, Option.STRUCTURED, Option.DESCRIPTORS)
    assert selected(done.new) == [uid_of(uid) for uid in uids]
    (remark,) = [item.TextValue for item in done.new.ContentSequence if "TextValue" in item]
    assert remark.startswith("Nodule of ")
    assert b"Kowalski" not in done.scrubbed.content


def test_without_references_a_dummy_stands_there(deidentify, selection):
    document, _ = selection
    document.ContentSequence = [item for item in document.ContentSequence if item.ValueType == "TEXT"]
    new = deidentify(document).new
    (item,) = new.ContentSequence
    assert "ContentTemplateSequence" not in new
    assert (item.ValueType, item.TextValue) == ("TEXT", "ANONYMIZED")


@pytest.mark.servers
@pytest.mark.parametrize("options", [(), (Option.STRUCTURED, Option.DESCRIPTORS)], ids=["basic", "cleaned"])
def test_the_output_is_sound(deidentify, selection, sound, options):
    sound(deidentify(selection[0], *options))
