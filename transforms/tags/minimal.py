"""What MINIMAL_KEEP_LIST_PROFILE keeps: only what a valid DICOM object needs, and what its pixels cannot be read without.

The API does not publish its list. These are the tags of its documentation and its sample code, and what they leave out although
the object or its pixels would be lost without it; each group says where it comes from.

What is not in MINIMAL_KEEP goes. If it is Type 2 in its class it stays without its value; if it is Type 1 it stays as the Basic
Profile leaves it, since an object cannot be without it; what `required` names and the source lacks is added, empty or as a dummy.
A kept sequence is kept as the Basic Profile leaves its items. Kept UIDs are mapped, and Patient ID is replaced, as everywhere.
"""

from __future__ import annotations

from pydicom.tag import Tag

from transforms.model.needed import KEPT_BY_API


def _tags(keywords: str) -> frozenset[int]:
    return frozenset(int(Tag(keyword)) for keyword in keywords.split())


KEPT_BY_SAMPLE = _tags("PatientID")
"""What its sample keep list for a valid DICOM object has beyond that (python-docs-samples, healthcare/datasets.py)."""

OBJECT = _tags("SOPClassUID SpecificCharacterSet Modality ImageType FrameOfReferenceUID")
"""What says what the object is: PS3.3 C.12.1 (SOP Common), C.7.3.1 (General Series), C.7.6.1 (General Image), C.7.4.1."""

PIXELS = _tags(
    """FloatPixelData DoubleFloatPixelData ExtendedOffsetTable ExtendedOffsetTableLengths PixelPaddingValue PixelPaddingRangeLimit
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData SegmentedBluePaletteColorLookupTableData
    AlphaPaletteColorLookupTableDescriptor AlphaPaletteColorLookupTableData
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
    ModalityLUTSequence RescaleIntercept RescaleSlope RescaleType VOILUTSequence PresentationLUTShape
    PixelIntensityRelationship PixelIntensityRelationshipSign PixelPresentation
    FrameIncrementPointer FrameTime FrameTimeVector DoseGridScaling DoseUnits GridFrameOffsetVector SegmentationType"""
)
"""How stored samples become values: PS3.3 C.7.6.3 and C.7.6.24 (pixels), C.11.1 and C.11.2 (LUTs), C.7.6.6 (cine), C.8.8.3, C.8.20.2."""

GEOMETRY = _tags("ImagePositionPatient ImageOrientationPatient PixelSpacing ImagerPixelSpacing SliceThickness")
"""Where the pixels are: Type 1 or 2 in CT, MR, PET and RT (PS3.3 C.7.6.2); a dummy would be a false geometry."""

MULTI_FRAME = _tags(
    """SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence DimensionOrganizationSequence DimensionOrganizationType
    DimensionIndexSequence SegmentSequence TotalPixelMatrixColumns TotalPixelMatrixRows TotalPixelMatrixOriginSequence
    OpticalPathSequence"""
)
"""All of that for each frame: the sequences that enhanced objects cannot be without (PS3.3 C.7.6.16, C.7.6.17, C.8.20.2, C.8.12.4)."""

RT_CONTENT = _tags("StructureSetROISequence ROIContourSequence RTROIObservationsSequence ReferencedFrameOfReferenceSequence")
"""What a structure set is made of (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8): Type 1 in older editions, which validators still follow."""

MINIMAL_KEEP: frozenset[int] = KEPT_BY_API | KEPT_BY_SAMPLE | OBJECT | PIXELS | GEOMETRY | MULTI_FRAME | RT_CONTENT
"""All of these; tags of the top level and of the file meta."""
