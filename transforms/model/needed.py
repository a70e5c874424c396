"""Elements that no list or action of a config may take away, since the object or its samples could not be read without them."""

from __future__ import annotations

from pydicom.tag import Tag


def _tags(keywords: str) -> frozenset[int]:
    return frozenset(int(Tag(keyword)) for keyword in keywords.split())


PRIMARY_UIDS = _tags("StudyInstanceUID SeriesInstanceUID SOPInstanceUID")

KEPT_BY_API = PRIMARY_UIDS | _tags(
    """TransferSyntaxUID MediaStorageSOPInstanceUID MediaStorageSOPClassUID
    PixelData Rows Columns SamplesPerPixel BitsAllocated BitsStored HighBit PhotometricInterpretation PixelRepresentation
    NumberOfFrames PlanarConfiguration PixelAspectRatio SmallestImagePixelValue LargestImagePixelValue
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    ICCProfile ColorSpace WindowCenter WindowWidth VOILUTFunction"""
)
"""What the API adds to every keep list, and refuses in a remove list (how-to page on de-identifying DICOM, "tags kept by default")."""

NEEDED = PRIMARY_UIDS | _tags(
    """SOPClassUID SpecificCharacterSet
    PixelData FloatPixelData DoubleFloatPixelData ExtendedOffsetTable ExtendedOffsetTableLengths
    Rows Columns SamplesPerPixel BitsAllocated BitsStored HighBit PhotometricInterpretation PixelRepresentation
    NumberOfFrames PlanarConfiguration"""
)
"""Without these an object has no class, its text no character set, its samples no meaning (PS3.3 C.12.1, C.7.6.3)."""

NAMES_AN_INSTANCE = PRIMARY_UIDS | _tags(
    """FailedSOPInstanceUIDList ReferencedSOPInstanceUID MultiFrameSourceSOPInstanceUID SOPInstanceUIDOfConcatenationSource"""
)
"""UIDs of studies, series and instances, wherever they stand: a reference resolves only if it goes the way of what it names."""
