"""Configs as written, on data sets: what stays, what goes, what the findings and the header say of it."""

import base64
import datetime as dt
import io
import json

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.config import parse_config
from transforms.model.keys import KeyReference
from transforms.model.records import Action
from transforms.model.resolve import resolve
from transforms.proof.prover import Prover
from transforms.tags.scrubber import Scrubber

SR = "1.2.840.10008.5.1.4.1.1.88.11"
CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "image": {"textRedactionMode": "REDACT_ALL_TEXT"}}


@pytest.fixture
def run(secret, opened, file_bytes):
    """A function from a config and a data set to (ScrubbedInstance, the new file parsed, holds of the proof)."""

    def run(config, dataset, syntax=pydicom.uid.ExplicitVRLittleEndian):
        plan = resolve(parse_config(json.dumps(config)))
        scrubbed = Scrubber(plan, secret).scrub(opened(dataset if isinstance(dataset, bytes) else file_bytes(dataset, syntax)))
        return scrubbed, pydicom.dcmread(io.BytesIO(scrubbed.content)), Prover(plan).prove(scrubbed).holds

    return run


@pytest.fixture
def source():
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Kowalski^Jan", "MRN-00482913", "19670304"
    dataset.PatientAge, dataset.PatientSex, dataset.PatientWeight = "093Y", "M", "71"
    dataset.StudyDate, dataset.StudyTime, dataset.AcquisitionDateTime = "20200110", "101112", "20200111101112.5+0100"
    dataset.StudyDescription = "Knee of Kowalski, seen 2020-01-10"
    dataset.SeriesDescription = "T2 FLAIR axial"
    dataset.InstitutionName, dataset.StationName, dataset.DeviceSerialNumber = "St. Mary Hospital", "MR01", "SN-77331"
    dataset.FrameOfReferenceUID = "1.2.276.5551.9"
    dataset.RequestAttributesSequence = [Dataset()]
    dataset.RequestAttributesSequence[0].ScheduledProcedureStepID = "SPS-4711"
    dataset.RequestAttributesSequence[0].RequestedProcedureDescription = "Knee"
    return dataset


def options(**chosen):
    return {"dicomTagConfig": {"ps315Options": dict.fromkeys(chosen, True)}}


def actions(*listed, **more):
    return {"dicomTagConfig": {"actions": list(listed), **more}}


def found(scrubbed, tag):
    return [(finding.action, finding.reason) for finding in scrubbed.findings if finding.tag == tag]


def test_a_keep_list_keeps_what_it_names_and_what_an_object_needs(run, source):
    scrubbed, new, holds = run({"dicom": {"keepList": {"tags": ["PatientID", "StudyDescription", "RequestAttributesSequence"]}}}, source)
    assert (new.PatientID, new.StudyDescription) == (source.PatientID, source.StudyDescription)
    assert "PatientName" not in new
    assert "PatientWeight" not in new
    assert new.StudyInstanceUID.startswith("2.25.")
    assert new.RequestAttributesSequence[0].get("ScheduledProcedureStepID") != "SPS-4711"
    assert found(scrubbed, "00101030") == [(Action.DELETED, "Matched ID: 00101030 (not on the keepList)")]
    assert new.PatientIdentityRemoved == "NO"
    assert [hold.code for hold in holds] == ["RESIDUAL_TOKEN"]  # the description that is kept says the name


def test_a_remove_list_takes_away_what_it_names_at_every_depth(run, source):
    source.add_new(0x60003000, "OW", b"\0\0")
    _, new, holds = run({"dicom": {"removeList": {"tags": ["PatientName", "ScheduledProcedureStepID"]}}}, source)
    assert "PatientName" not in new
    assert 0x60003000 not in new
    assert list(new.RequestAttributesSequence[0].keys()) == [0x00321060]
    assert new.PatientID == source.PatientID
    assert [hold.code for hold in holds] == ["RESIDUAL_TOKEN"]  # the description that stays says the name
    source.StudyDescription = "Knee"
    assert run({"dicom": {"removeList": {"tags": ["PatientName", "ScheduledProcedureStepID"]}}}, source)[2] == ()


def test_tag_contents_are_cleaned_and_everything_else_stays(run, source):
    block = source.private_block(0x0029, "ACME", create=True)
    block.add_new(1, "LO", "for Jan Kowalski")
    block.add_new(2, "UN", b"MRN-00482913")
    scrubbed, new, holds = run(CONTENTS, source)
    assert (new.PatientName, new.PatientID) == ("[PERSON_NAME]", "[GENERIC_ID]")
    assert "Kowalski" not in new.StudyDescription
    assert new.StudyDescription.startswith("Knee of [PERSON_NAME], seen 20")
    assert (new.SeriesDescription, new.PatientSex, new.PatientWeight) == ("T2 FLAIR axial", "M", 71)
    assert new[0x00290010].value == "ACME"
    assert b"MRN" not in scrubbed.content
    assert b"Kowalski" not in scrubbed.content
    assert new.LongitudinalTemporalInformationModified == "MODIFIED"
    assert new.PatientIdentityRemoved == "NO"
    assert holds == ()


def test_findings_inside_a_text_say_where_and_what(run):
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Müller^Jörg"
    dataset.StudyDescription = "Müller: Knie, Müller"
    scrubbed, _, _ = run(CONTENTS, dataset)
    spots = [finding for finding in scrubbed.findings if finding.tag == "00081030"]
    raw = "Müller: Knie, Müller".encode()
    assert [(raw[one.byte_start : one.byte_end].decode(), one.replaced, one.info_type) for one in spots] == [
        ("Müller", "[PERSON_NAME]", "PERSON_NAME")
    ] * 2
    assert {(one.action, one.reason) for one in spots} == {(Action.CLEANED, "Matched VR: LO")}


def test_a_text_that_cannot_be_decoded_goes(run, file_bytes):
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SeriesDescription = "QQQQQQQQ"
    scrubbed, new, _ = run(CONTENTS, file_bytes(dataset).replace(b"QQQQQQQQ", b"\xff\xfe\xffM\xfcller"[:8]))
    assert new.SeriesDescription == ""
    assert found(scrubbed, "0008103E") == [(Action.REMOVED, "Matched VR: LO, UNDECODABLE")]


def test_where_a_value_must_stand_and_none_can_stay_a_dummy_is_left(run, source):
    source.SOPClassUID, source.ContentLabel = "1.2.840.10008.5.1.4.1.1.66.4", "KOWALSKI"
    scrubbed, new, _ = run(CONTENTS, source)
    assert new.ContentLabel == "ANONYMIZED"
    assert found(scrubbed, "00700080") == [(Action.RESET, "Matched VR: CS, nothing of it can stay")]


def test_days_move_by_one_number_for_a_patient_and_times_stay(run, source):
    _, new, _ = run(options(retainLongitudinalModifiedDates=1), source)
    shift = dt.datetime.strptime(new.StudyDate, "%Y%m%d") - dt.datetime(2020, 1, 10)
    assert 1 <= abs(shift.days) <= 100
    moved = (dt.datetime(2020, 1, 11) + shift).strftime("%Y%m%d")
    assert (new.AcquisitionDateTime, new.StudyTime) == (f"{moved}101112.5+0100", "101112")
    assert new.PatientBirthDate == ""
    assert new.LongitudinalTemporalInformationModified == "MODIFIED"
    other = Dataset()
    other.PatientID, other.ContentDate = source.PatientID, "20000301"
    again = run(options(retainLongitudinalModifiedDates=1), other)[1]
    assert dt.datetime.strptime(again.ContentDate, "%Y%m%d") - dt.datetime(2000, 3, 1) == shift


def test_a_date_that_is_none_is_not_shifted(run, source, file_bytes):
    scrubbed, new, _ = run(options(retainLongitudinalModifiedDates=1), file_bytes(source).replace(b"20200110", b"2020JANX"))
    assert b"JANX" not in scrubbed.content
    assert new.StudyDate == ""


@pytest.mark.parametrize("option", ["retainLongitudinalModifiedDates", "retainLongitudinalFullDates"])
def test_what_stands_in_a_time_but_is_none_goes(run, source, file_bytes, option):
    content = file_bytes(source).replace(b"101112", b"KOWALS").replace(b"20200111KOWALS.5+0100", b"Kowalski, seen 10:00 ")
    scrubbed, new, _ = run(options(**{option: 1}), content)
    assert (new.StudyTime, new.get("AcquisitionDateTime", "")) == ("", "")
    assert b"KOWALS" not in scrubbed.content.upper()


def test_retained_is_what_an_option_names_and_nothing_else(run, source):
    _, new, holds = run(options(retainPatientCharacteristics=1, retainInstitutionIdentity=1, retainLongitudinalFullDates=1), source)
    assert (new.PatientAge, new.PatientSex, new.PatientWeight) == ("090Y", "M", 71)
    assert new.InstitutionName == "St. Mary Hospital"
    assert (new.StudyDate, new.PatientBirthDate) == ("20200110", "")
    assert "StationName" not in new or new.StationName != "MR01"
    assert new.LongitudinalTemporalInformationModified == "UNMODIFIED"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100", "113106", "113108", "113112"]
    assert new.PatientIdentityRemoved == "YES"
    assert holds == ()


def test_retained_uids_and_devices_are_no_residue(run, source):
    source.DeviceUID = "1.2.276.5551.77"
    _, new, holds = run(options(retainUids=1, retainDeviceIdentity=1), source)
    assert (new.FrameOfReferenceUID, new.DeviceUID, new.SOPInstanceUID) == ("1.2.276.5551.9", "1.2.276.5551.77", "1.2.3.4.1")
    assert (new.StationName, new.DeviceSerialNumber) == ("MR01", "SN-77331")
    assert holds == ()


def test_descriptors_are_cleaned(run, source):
    for config in (options(cleanDescriptors=1), {"dicomTagConfig": {"options": {"cleanDescriptors": {}}}}):
        scrubbed, new, holds = run(config, source)
        assert new.SeriesDescription == "T2 FLAIR axial"
        assert "Kowalski" not in new.StudyDescription
        assert found(scrubbed, "00081030")[0][1].endswith("clean descriptors option)")
        assert holds == ()


def content_item(code, kind, scheme="DCM", **values):
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = code, scheme, "a concept"
    item.ConceptNameCodeSequence = [name]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def test_structured_content_goes_by_the_table_of_concepts(run, source):
    source.SOPClassUID = SR
    source.ContentSequence = Sequence(
        [
            content_item("121022", "TEXT", TextValue="ACC-1234"),
            content_item("121071", "TEXT", TextValue="Effusion in Mr Kowalski"),
            content_item("121008", "PNAME", PersonName="Doctor^Who"),
            content_item("111111", "NUM", scheme="99X"),
        ]
    )
    scrubbed, new, holds = run(options(cleanStructuredContent=1, cleanDescriptors=1), source)
    texts = [item.get("TextValue") for item in new.ContentSequence]
    assert texts[0].startswith("Effusion in ")
    assert b"Kowalski" not in scrubbed.content
    assert b"Who" not in scrubbed.content
    assert b"ACC-1234" not in scrubbed.content
    assert [item.ValueType for item in new.ContentSequence][-1] == "NUM"
    assert holds == ()
    assert len(run({"dicomTagConfig": {}}, source)[1].ContentSequence) == 1  # without the option a minimal tree


def test_a_concept_is_known_by_its_scheme_whatever_version_is_stated(run, source):
    source.SOPClassUID = SR
    item = content_item("53", "TEXT", scheme="NCDR", TextValue="ACC-1234")
    item.ConceptNameCodeSequence[0].CodingSchemeVersion = "2.0b"
    source.ContentSequence = Sequence([item, content_item("111111", "NUM", scheme="99X")])
    _, new, _ = run(options(cleanStructuredContent=1), source)
    assert [item.ValueType for item in new.ContentSequence] == ["NUM"]


def test_where_items_are_counted_none_goes_but_what_it_says_does(run, source):
    source.SOPClassUID = SR
    age, sex = content_item("121033", "NUM"), content_item("121032", "CODE")
    age.MeasuredValueSequence, sex.ConceptCodeSequence = [Dataset()], [content_item("M", "CODE").ConceptNameCodeSequence[0]]
    age.MeasuredValueSequence[0].NumericValue = "93.7531"
    by_position = Dataset()
    by_position.RelationshipType, by_position.ReferencedContentItemIdentifier = "INFERRED FROM", [1, 1]
    age.ContentSequence = [by_position]
    source.ContentSequence = Sequence([age, sex])
    scrubbed, new, _ = run(options(cleanStructuredContent=1), source)
    assert [item.ValueType for item in new.ContentSequence] == ["NUM", "CODE"]
    assert len(new.ContentSequence[0].MeasuredValueSequence) == 0
    assert new.ContentSequence[1].ConceptCodeSequence[0].CodeMeaning == "Unknown"
    assert b"93.7531" not in scrubbed.content


def test_graphics_keep_their_shapes_and_lose_names(run, source):
    text, layer = Dataset(), Dataset()
    text.UnformattedTextValue = "Kowalski 3 mm"
    layer.GraphicLayer, layer.TextObjectSequence = "L1", [text]
    source.GraphicAnnotationSequence = [layer]
    _, new, _ = run(options(cleanGraphics=1, cleanDescriptors=1), source)
    assert new.GraphicAnnotationSequence[0].GraphicLayer == "L1"
    cleaned = new.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue
    assert "Kowalski" not in cleaned
    assert cleaned.endswith("3 mm")


def test_each_action_does_what_it_says(run, source):
    config = actions(
        {"queries": ["StudyDate"], "keepTag": {}},
        {"queries": ["SeriesDescription"], "removeTag": {}},
        {"queries": ["DS"], "deleteTag": {}},
        {"queries": ["PatientSex"], "resetTag": {}},
        {"queries": ["StudyDescription"], "cleanTextTag": {}},
        {"queries": ["RequestAttributesSequence"], "recurseTag": {}},
        {"queries": ["00200052"], "regenUidTag": {}},
        profileType="KEEP_ALL_PROFILE",
    )
    scrubbed, new, _ = run(config, source)
    assert (new.StudyDate, new.SeriesDescription, new.PatientSex) == ("20200110", "", "O")
    assert "PatientWeight" not in new
    assert "Kowalski" not in new.StudyDescription
    assert new.FrameOfReferenceUID.startswith("2.25.")
    assert found(scrubbed, "00101030") == [(Action.DELETED, "Matched VR: DS (deleteTag)")]
    assert found(scrubbed, "0008103E") == [(Action.REMOVED, "Matched ID: 0008103E (removeTag)")]
    assert found(scrubbed, "00100040") == [(Action.RESET, "Matched ID: 00100040 (resetTag)")]
    assert found(scrubbed, "00200052") == [(Action.REGENERATED_UID, "Matched ID: 00200052 (regenUidTag)")]
    assert {action for action, _ in found(scrubbed, "00081030")} == {Action.CLEANED}


def test_a_kept_sequence_stays_as_it_is_but_for_references(run, source):
    item = source.RequestAttributesSequence[0]
    item.ReferencedStudySequence = [Dataset()]
    item.ReferencedStudySequence[0].ReferencedSOPInstanceUID = "1.2.3.4.2"
    _, new, holds = run(actions({"queries": ["RequestAttributesSequence"], "keepTag": {}}), source)
    kept = new.RequestAttributesSequence[0]
    assert (kept.ScheduledProcedureStepID, kept.RequestedProcedureDescription) == ("SPS-4711", "Knee")
    assert kept.ReferencedStudySequence[0].ReferencedSOPInstanceUID == new.StudyInstanceUID
    assert new.PatientIdentityRemoved == "NO"
    assert holds == ()


def test_a_kept_name_is_no_residue_and_a_path_reaches_only_where_it_leads(run, source):
    source.StudyDescription = "Knee"
    source.RequestAttributesSequence[0].RequestedProcedureID = "RP-9911"
    kept = {"queries": ["PatientName", "RequestAttributesSequence.00401001"], "keepTag": {}}
    _, new, holds = run(actions({"queries": ["RequestAttributesSequence"], "recurseTag": {}}, kept), source)
    assert new.PatientName == "Kowalski^Jan"
    assert new.RequestAttributesSequence[0].RequestedProcedureID == "RP-9911"
    assert holds == ()


def test_a_private_element_is_kept_by_its_creator(run, source):
    source.private_block(0x0029, "ACME", create=True).add_new(0x10, "LO", "gain 5")
    source.private_block(0x0029, "OTHER", create=True).add_new(0x10, "LO", "gain 6")
    _, new, _ = run(actions({"queries": ["0029[ACME]10"], "keepTag": {}}), source)
    assert {int(element.tag): element.value for element in new if element.tag.is_private} == {0x00290010: "ACME", 0x00291010: "gain 5"}


def test_a_mask_covers_a_group_but_not_what_an_object_needs(run, source):
    _, new, _ = run(actions({"queries": ["0010xxxx", "0008xxxx"], "deleteTag": {}}), source)
    assert [int(element.tag) for element in new.group_dataset(0x0010)] == []
    assert {element.keyword for element in new.group_dataset(0x0008)} == {"SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID"}


@pytest.mark.parametrize("key", [None, base64.b64encode(b"k" * 32).decode()])
def test_hashes_depend_on_their_key_alone(run, source, key, tmp_path, secret, opened, file_bytes):
    config = {"cryptoKey": key} if key else {}
    text = {"additionalTransformations": [{"infoTypes": ["PERSON_NAME"], "cryptoHashConfig": config}]}
    parsed = parse_config(json.dumps({**CONTENTS, "text": text}))

    def place(found):
        (tmp_path / "x.key").write_bytes(found.file_content())
        return KeyReference(f"file:{tmp_path / 'x.key'}")

    made = [Scrubber(resolve(parsed, place), secret).scrub(opened(file_bytes(source))) for _ in range(2)]
    names = [str(pydicom.dcmread(io.BytesIO(one.content)).PatientName) for one in made]
    assert names[0] == names[1]
    assert len(names[0]) >= 14
    assert "Kowalski" not in names[0]
