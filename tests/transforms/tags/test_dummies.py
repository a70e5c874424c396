"""Dummies: valid for their VR, constant, nobody's, and accepted by a validator in the classes they stand in."""

import json
import re
import subprocess
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag

from transforms.tags import attributes
from transforms.tags.attributes import required
from transforms.tags.dummies import dummy
from transforms.tags.tables import ROWS

CLASSES = sorted(json.loads((Path(attributes.__file__).parent / "data" / "attributes.json").read_text())["classes"])
TAGS = sorted(
    tag for tag, entry in DicomDictionary.items() if tag >> 16 not in (0, 2, 4, 0xFFFE) and not re.search("or|OB_OW|NONE", entry[0] or "or")
)
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"


def vr_of(tag: int) -> str:
    return DicomDictionary[tag][0].split(" or ")[-1]


def written(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def with_dummy(tag: int, sop_class: str) -> Dataset:
    dataset = Dataset()
    dataset.add_new(tag, vr_of(tag), dummy(tag, vr_of(tag), sop_class))
    return dataset


@pytest.fixture(autouse=True)
def _strict(monkeypatch):
    monkeypatch.setattr(pydicom.config.settings, "writing_validation_mode", pydicom.config.RAISE)
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)


@pytest.mark.parametrize("sop_class", [CT, SR, "1.2.3"])
def test_every_dummy_is_valid_for_its_vr_and_never_empty(sop_class):
    for tag in TAGS:
        content = written(with_dummy(tag, sop_class))
        [element] = read_dataset(DicomBytesIO(content), is_implicit_VR=False, is_little_endian=True)
        assert vr_of(tag) == element.VR
        assert element.VM >= 1, hex(tag)
        assert len(content) > (12 if element.VR in ("OB", "UN", "UT", "UC", "UR", "SQ") else 8), hex(tag)


@given(st.sampled_from(TAGS), st.sampled_from(CLASSES))
def test_a_dummy_is_the_same_every_time_and_nobody_shares_it(tag, sop_class):
    first = with_dummy(tag, sop_class)
    content = written(first)
    value = dummy(tag, vr_of(tag), sop_class)
    if isinstance(value, list):
        value.append(value[0])
    assert written(with_dummy(tag, sop_class)) == content


def test_people_places_and_times_are_nobodys():
    said = {
        "PN": "ANONYMIZED",
        "DA": "19000101",
        "TM": "000000",
        "DT": "19000101000000",
        "AS": "000Y",
        "LT": "ANONYMIZED",
        "UT": "ANONYMIZED",
    }
    for each in ROWS:
        tag = int(each.tag, 16) if re.fullmatch("[0-9A-F]{8}", each.tag) else None
        if tag in DicomDictionary and vr_of(tag) in said:
            assert dummy(tag, vr_of(tag), CT) == said[vr_of(tag)], each.name


@pytest.mark.parametrize(
    ("keyword", "vr", "sop_class", "value"),
    [
        ("Modality", "CS", CT, "CT"),
        ("Modality", "CS", "1.2.3", "OT"),
        ("ImageType", "CS", CT, ["DERIVED", "SECONDARY", "AXIAL"]),
        ("ImageType", "CS", "1.2.840.10008.5.1.4.1.1.2.1", ["DERIVED", "PRIMARY", "VOLUME", "NONE"]),
        ("PatientSex", "CS", CT, "O"),
        ("RescaleSlope", "DS", CT, "1"),
        ("ImagePositionPatient", "DS", CT, ["0", "0", "0"]),
        ("ImageOrientationPatient", "DS", CT, ["1", "0", "0", "0", "1", "0"]),
        ("TimezoneOffsetFromUTC", "SH", SR, "+0000"),
        ("InstanceNumber", "IS", CT, "0"),
        ("BurnedInAnnotation", "CS", "1.2.840.10008.5.1.4.1.1.7", "YES"),
        ("SelectorUNValue", "UN", "1.2.840.10008.5.1.4.38.1", b"\0\0"),
    ],
)
def test_a_dummy_fits_its_attribute(keyword, vr, sop_class, value):
    assert dummy(int(Tag(keyword)), vr, sop_class) == value


def test_a_private_or_unknown_tag_gets_one_value_of_its_vr():
    assert dummy(0x00091001, "LO", CT) == "ANONYMIZED"
    assert dummy(0x00091001, "US", CT) == 0


def test_a_sequence_gets_an_item_of_what_its_items_must_have():
    [item] = dummy(int(Tag("VerifyingObserverSequence")), "SQ", SR)
    assert item.VerifyingObserverName == "ANONYMIZED"
    assert item.VerificationDateTime == "19000101000000"
    assert item.VerifyingObserverIdentificationCodeSequence == []


def test_a_dummy_content_item_says_nothing():
    [item] = dummy(int(Tag("ContentSequence")), "SQ", SR)
    assert (item.RelationshipType, item.ValueType, item.TextValue) == ("CONTAINS", "TEXT", "ANONYMIZED")
    assert item.ConceptNameCodeSequence[0].CodeMeaning == "Unknown"
    assert "ContinuityOfContent" not in item


def test_a_code_sequence_gets_a_code_even_where_the_class_does_not_know_it():
    for sop_class in (CT, "1.2.3"):
        [item] = dummy(int(Tag("PersonIdentificationCodeSequence")), "SQ", sop_class)
        assert [element.keyword for element in item] == ["CodeValue", "CodingSchemeDesignator", "CodeMeaning"]


def test_a_nested_sequence_is_made_for_its_place():
    above = (int(Tag("WaveformSequence")),)
    [item] = dummy(int(Tag("ChannelDefinitionSequence")), "SQ", ECG, above)
    assert item.WaveformBitsStored == 16
    [code] = item.ChannelSourceSequence
    assert code.CodeMeaning == "Unknown"


def made(sop_class: str) -> FileDataset:
    """An instance of nothing but what its class requires, all dummies; UIDs as the scrubber would map them."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.1.2.1", sop_class, "2.25.1"
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    for tag, kind in required(sop_class).items():
        vr = DicomDictionary[tag][0].split(" or ")[0]
        value = f"2.25.{tag}" if vr == "UI" else dummy(tag, vr, sop_class) if kind == "1" else [] if vr == "SQ" else None
        dataset.add_new(tag, vr, value)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "2.25.1"
    if "Rows" in dataset:
        dataset.add_new("PixelData", "OW", bytes(2))
    return dataset


def errors_of(dataset: FileDataset, folder: Path) -> list[str]:
    """What dciodvfy objects to in attributes that are there; a condition that it sees otherwise than the table is not the dummies'."""
    file = folder / "made.dcm"
    dataset.save_as(file, enforce_file_format=True)
    done = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert not any("Information Object Not found" in line for line in lines)
    return [line for line in lines if line.startswith("Error") and "Conditional" not in line]


@pytest.mark.servers
@pytest.mark.parametrize(
    "keyword",
    """AcquisitionContextSRStorage AutorefractionMeasurementsStorage BasicStructuredDisplayStorage BasicTextSRStorage CTImageStorage
    CardiacElectrophysiologyWaveformStorage ChestCADSRStorage ColorSoftcopyPresentationStateStorage Comprehensive3DSRStorage
    ComprehensiveSRStorage ComputedRadiographyImageStorage DeformableSpatialRegistrationStorage DigitalXRayImageStorageForPresentation
    DigitalXRayImageStorageForProcessing EnhancedSRStorage GeneralECGWaveformStorage GrayscaleSoftcopyPresentationStateStorage
    HemodynamicWaveformStorage IntraocularLensCalculationsStorage KeratometryMeasurementsStorage KeyObjectSelectionDocumentStorage
    LensometryMeasurementsStorage MRImageStorage MammographyCADSRStorage OphthalmicAxialMeasurementsStorage
    PositronEmissionTomographyImageStorage ProcedureLogStorage PseudoColorSoftcopyPresentationStateStorage RTDoseStorage RTImageStorage
    RTIonPlanStorage RTPlanStorage RTTreatmentSummaryRecordStorage RadiopharmaceuticalRadiationDoseSRStorage RawDataStorage
    RealWorldValueMappingStorage SecondaryCaptureImageStorage SpatialFiducialsStorage SpatialRegistrationStorage
    StereometricRelationshipStorage SubjectiveRefractionMeasurementsStorage TwelveLeadECGWaveformStorage UltrasoundImageStorage
    VLEndoscopicImageStorage VLMicroscopicImageStorage VLPhotographicImageStorage VLSlideCoordinatesMicroscopicImageStorage
    VisualAcuityMeasurementsStorage XRayAngiographicImageStorage XRayRadiationDoseSRStorage XRayRadiofluoroscopicImageStorage""".split(),
)
def test_a_validator_accepts_what_is_made_of_dummies(keyword, tmp_path):
    assert errors_of(made(getattr(pydicom.uid, keyword)), tmp_path) == []


@pytest.mark.servers
@pytest.mark.parametrize(
    ("keyword", "sequence"),
    [
        ("ComprehensiveSRStorage", "ContentSequence"),
        ("ComprehensiveSRStorage", "VerifyingObserverSequence"),
        ("GrayscaleSoftcopyPresentationStateStorage", "GraphicAnnotationSequence"),
        ("TwelveLeadECGWaveformStorage", "WaveformAnnotationSequence"),
        ("EnhancedCTImageStorage", "ReferencedPerformedProcedureStepSequence"),
    ],
)
def test_a_validator_accepts_the_sequences_that_the_table_replaces(keyword, sequence, tmp_path):
    dataset = made(getattr(pydicom.uid, keyword))
    dataset.add_new(sequence, "SQ", dummy(int(Tag(sequence)), "SQ", dataset.SOPClassUID))
    assert [line for line in errors_of(dataset, tmp_path) if f"</{sequence}" in line] == []
