"""Transfer syntaxes that the standard has and the dictionary of the installed pydicom lacks (PS3.6 Annex A)."""

from __future__ import annotations

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG, JPEG_XL = (UID(f"1.2.840.10008.1.2.4.{last}") for last in (110, 111, 112))
JPEG_XLS = frozenset({JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG, JPEG_XL})
_NEW = {
    DEFLATED_FRAMES: ("Deflated Image Frame Compression", "DeflatedImageFrameCompression"),
    JPEG_XL_LOSSLESS: ("JPEG XL Lossless", "JPEGXLLossless"),
    JPEG_XL_OF_JPEG: ("JPEG XL JPEG Recompression", "JPEGXLJPEGRecompression"),
    JPEG_XL: ("JPEG XL", "JPEGXL"),
}


def register() -> None:
    """Make them known to pydicom, which else takes their data sets for no DICOM. Known ones stay as they are."""
    for syntax, (name, keyword) in _NEW.items():
        UID_dictionary.setdefault(str(syntax), (name, "Transfer Syntax", "", "", keyword))
