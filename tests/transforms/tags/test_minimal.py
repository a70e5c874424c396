"""The minimal keep list: whole, and nothing on it that Table E.1-1 names, but for what is replaced anyway."""

from pydicom.datadict import keyword_for_tag
from pydicom.tag import Tag

from transforms.tags.minimal import GEOMETRY, KEPT_BY_API, KEPT_BY_SAMPLE, MINIMAL_KEEP, PIXELS
from transforms.tags.tables import row

REPLACED = {
    "MediaStorageSOPInstanceUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID",
}  # fmt: skip
SAMPLE = """Columns NumberOfFrames PixelRepresentation MediaStorageSOPClassUID MediaStorageSOPInstanceUID Rows SamplesPerPixel BitsAllocated
    HighBit PhotometricInterpretation BitsStored PatientID TransferSyntaxUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PixelData"""


def test_what_the_table_names_is_not_kept_unless_it_is_replaced():
    assert {keyword_for_tag(tag) for tag in MINIMAL_KEEP if row(tag)} == REPLACED


def test_the_apis_sample_list_is_kept_and_the_class():
    assert {Tag(keyword) for keyword in SAMPLE.split()} <= KEPT_BY_API | KEPT_BY_SAMPLE
    assert Tag("SOPClassUID") in MINIMAL_KEEP
    assert len(KEPT_BY_API) == 31


def test_free_text_people_and_times_are_not_kept():
    for (
        keyword
    ) in "PatientName PatientBirthDate StudyDate StudyDescription SeriesDescription ImageComments InstitutionName Manufacturer".split():
        assert Tag(keyword) not in MINIMAL_KEEP


def test_everything_that_turns_samples_into_values_is_kept():
    described = (
        "RescaleSlope RescaleIntercept ModalityLUTSequence VOILUTSequence PixelPaddingValue PresentationLUTShape ExtendedOffsetTable"
    )
    assert {Tag(keyword) for keyword in described.split()} <= PIXELS <= MINIMAL_KEEP
    assert Tag("PixelSpacing") in GEOMETRY
