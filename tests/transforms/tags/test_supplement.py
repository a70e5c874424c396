"""What Table E.1-1 has no row for and can identify all the same: it goes, and says that the reason is ours."""

import json

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset

from transforms.model.config import parse_config
from transforms.model.records import Action
from transforms.model.resolve import resolve
from transforms.tags import supplement, tables
from transforms.tags.consent import leaves_identity

BASIC = {"dicomTagConfig": {}}
CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
OURS = f"dicom-deid 0.1, PS3.15 {tables.EDITION} Basic Profile"
TEXT = sorted(tag for tag, row in supplement.BY_TAG.items() if row.basic == "X")


@pytest.fixture
def run(deidentify):
    return lambda config, dataset: deidentify(config, dataset)[:2]


def reasons(scrubbed, tag):
    return [(finding.action, finding.reason) for finding in scrubbed.findings if finding.tag == tag and not finding.path]


def test_no_row_of_ours_stands_in_the_table_and_each_is_named_as_the_dictionary_has_it():
    assert all(tables.row(tag) is None and keyword_for_tag(tag) == row.name for tag, row in supplement.BY_TAG.items())
    assert {option for row in supplement.BY_TAG.values() for option in row.options} <= set(tables.OPTIONS)


def test_every_text_of_the_supplement_goes_with_a_reason_of_its_own(run):
    dataset, item = Dataset(), Dataset()
    for tag in TEXT:
        for place in (dataset, item):
            place.add_new(tag, dictionary_VR(tag), "Smithers")
    dataset.ReferencedSeriesSequence = [item]
    scrubbed, _ = run(BASIC, dataset)
    assert b"Smithers" not in scrubbed.content
    told = {finding.tag: finding.reason for finding in scrubbed.findings if finding.original == "Smithers"}
    assert told.keys() == {f"{tag:08X}" for tag in TEXT}
    assert all(reason.startswith(f"Matched ID: {tag} (supplement to PS3.15 {tables.EDITION} Table E.1-1: ") for tag, reason in told.items())


@pytest.mark.parametrize(
    ("option", "keyword", "left"),
    [
        ("cleanDescriptors", "DoseComment", "for Dr. [PERSON_NAME]"),
        ("cleanGraphics", "GraphicLayerDescription", "for Dr. [PERSON_NAME]"),
        ("retainDeviceIdentity", "RadiationMachineName", "for Dr. Smithers"),
        ("retainInstitutionIdentity", "CodingSchemeResponsibleOrganization", "for Dr. Smithers"),
    ],
)
def test_options_hold_for_its_rows_too(run, option, keyword, left):
    dataset = Dataset()
    dataset.add_new(keyword, dictionary_VR(keyword), "for Dr. Smithers")
    assert run({"dicomTagConfig": {"ps315Options": {option: True}}}, dataset)[1][keyword].value == left
    assert keyword not in run(BASIC, dataset)[1]


def test_a_text_value_in_a_kept_sequence_is_a_dummy_and_cleaned_where_content_is(run):
    dataset, item = Dataset(), Dataset()
    item.ValueType, item.TextValue = "TEXT", "embedded by Dr. Smithers"
    dataset.ProtocolContextSequence = [item]
    assert b"Smithers" not in run(BASIC, dataset)[0].content
    scrubbed, new = run({"dicomTagConfig": {"options": {"cleanDescriptors": {}}}}, dataset)
    assert b"Smithers" not in scrubbed.content
    assert new.ProtocolContextSequence[0].TextValue.startswith("embedded by")


@pytest.mark.parametrize("config", [BASIC, CONTENTS, {"dicom": {"keepList": {"tags": ["PatientSex"]}}}])
def test_what_an_earlier_run_says_of_itself_stays_without_names(run, config):
    dataset, code = Dataset(), Dataset()
    dataset.DeidentificationMethod = ["CTP Default", "DICOM PS3.15 AnnexE, by Dr. John Smithers"]
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99ABC", "as Dr. John Smithers does"
    dataset.DeidentificationMethodCodeSequence = [code]
    scrubbed, new = run(config, dataset)
    assert b"Smithers" not in scrubbed.content
    assert new["DeidentificationMethod"].value[:1] == ["CTP Default"]
    assert new["DeidentificationMethod"].value[1].startswith("DICOM PS3.15 AnnexE, by ")
    assert new.DeidentificationMethodCodeSequence[0].CodeMeaning.startswith("as ")


@pytest.mark.parametrize(
    "method",
    [
        "{Per DICOM PS 3.15 AnnexE. Details in 0012,0064}",
        "Per DICOM PS 3.15 Annex E. Details in 0012,0064",
        "Basic Application Confidentiality Profile",
        "CTP Default: based on DICOM PS3.15 AnnexE",
        "RSNA CTP",
        "gdcmanon",
    ],
)
def test_a_method_that_names_nobody_stays_as_it_is(run, method):
    dataset = Dataset()
    dataset.DeidentificationMethod = method
    assert list(run(BASIC, dataset)[1].DeidentificationMethod) == [method, OURS]


def test_the_length_of_the_old_file_goes_under_every_profile(run):
    dataset = Dataset()
    dataset.add_new(0x00080001, "UL", 4711)
    for config in (BASIC, CONTENTS, {"dicom": {"filterProfile": "KEEP_ALL_PROFILE"}}):
        scrubbed, new = run(config, dataset)
        assert 0x00080001 not in new
        assert reasons(scrubbed, "00080001")[0][0] is Action.DELETED


def test_keeping_a_row_of_the_supplement_needs_consent():
    kept = {"dicomTagConfig": {"actions": [{"queries": ["RadiationMachineName"], "keepTag": {}}], "options": {"cleanImage": {}}}}
    assert "keepTag keeps RadiationMachineName" in leaves_identity(resolve(parse_config(json.dumps(kept))))
    listed = {"dicom": {"keepList": {"tags": ["DoseComment"]}}}
    assert "keepList keeps DoseComment" in leaves_identity(resolve(parse_config(json.dumps(listed))))


@pytest.mark.parametrize("config", [BASIC, CONTENTS, {"dicom": {"keepList": {"tags": ["PatientSex"]}}}])
@pytest.mark.parametrize("keyword", ["Rows", "SamplesPerPixel", "DiffusionBValue", "SmallestImagePixelValue"])
def test_text_where_the_standard_has_a_number_is_not_kept_unseen(run, config, keyword):
    dataset = Dataset()
    dataset.add_new(keyword, "LO", "for Dr. John Smithers")
    assert b"Smithers" not in run(config, dataset)[0].content


@pytest.mark.parametrize("keyword", ["PatientName", "StudyDescription", "BodyPartExamined", "PatientBirthDate"])
def test_bytes_where_the_standard_has_a_text_do_not_hide_it(run, keyword):
    dataset = Dataset()
    dataset.add_new(keyword, "OB", b"Dr. John Smithers ")
    scrubbed, _ = run(CONTENTS, dataset)
    assert b"Smithers" not in scrubbed.content
    assert reasons(scrubbed, f"{int(dataset[keyword].tag):08X}")[0][0] is Action.REMOVED


def test_a_private_creator_that_readers_know_stays_and_another_is_cleaned(run):
    dataset = Dataset()
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(8, "CS", "IMAGE NUM 4")
    dataset.private_block(0x0029, "Lab of Dr. John Smithers", create=True).add_new(8, "CS", "IMAGE NUM 4")
    scrubbed, new = run(CONTENTS, dataset)
    assert new[0x00290010].value == "SIEMENS CSA HEADER"
    assert b"Smithers" not in scrubbed.content
    assert new[0x00291108].value == "IMAGE NUM 4"


def test_a_long_number_under_the_root_of_dicom_is_mapped(run):
    dataset = Dataset()
    dataset.FrameOfReferenceUID, dataset.SynchronizationFrameOfReferenceUID = "1.2.840.10008.19670304", "1.2.840.10008.15.1.1"
    new = run(BASIC, dataset)[1]
    assert new.FrameOfReferenceUID.startswith("2.25.")
    assert new.SynchronizationFrameOfReferenceUID == "1.2.840.10008.15.1.1"


@pytest.mark.parametrize("config", [BASIC, CONTENTS, {"dicom": {"keepList": {"tags": ["PatientSex"]}}}])
def test_what_is_no_character_set_does_not_stay_as_one(run, config):
    item, dataset = Dataset(), Dataset()
    item.SpecificCharacterSet, item.PatientSex = ["", "SMITHERS JOHN"], "O"
    dataset.ReferencedSeriesSequence = [item]
    assert b"SMITHERS" not in run(config, dataset)[0].content
    for stated in ("ISO_IR 100", "ISO-IR 100", ["", "ISO 2022 IR 87"], "GB18030", ""):
        dataset.SpecificCharacterSet = stated
        assert run(config, dataset)[1].SpecificCharacterSet == stated


@pytest.mark.parametrize("config", [BASIC, CONTENTS])
def test_what_states_a_de_identification_is_written_afresh_at_the_top_and_looked_into_below(run, config):
    item, dataset = Dataset(), Dataset()
    dataset.PatientName = "Quarrelsome^Ann"
    dataset.PatientIdentityRemoved = item.PatientIdentityRemoved = "QUARRELSOME"
    dataset.ReferencedSeriesSequence = [item]
    assert b"QUARRELSOME" not in run(config, dataset)[0].content
