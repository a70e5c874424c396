"""Private elements that the Retain Safe Private option keeps (PS3.15 E.3.10): numbers and codes of an acquisition, by creator.

Only elements whose meaning the vendors' DICOM conformance statements publish, and of these only such as hold a number or a
code. What is text all the same (DS, IS, CS, SH) is inspected before it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

_BINARY = frozenset({"FD", "FL", "SL", "SS", "US"})

_SAFE: Mapping[tuple[str, int], Mapping[int, str]] = {
    ("ELSCINT1", 0x00E1): {0x21: "DS", 0x50: "DS"},  # DLP, acquisition duration
    ("ELSCINT1", 0x01E1): {0x26: "CS"},  # phantom type
    ("ELSCINT1", 0x01F1): {0x01: "CS", 0x07: "DS", 0x26: "DS", 0x27: "DS"},  # acquisition type, table velocity, pitch, rotation time
    ("GEMS_ACQU_01", 0x0019): {0x23: "DS", 0x24: "DS", 0x27: "DS"},  # table speed, mid scan time, rotation speed
    ("GEMS_HELIOS_01", 0x0045): {0x01: "SS", 0x02: "FL"},  # macro rows in the detector, their width at the isocentre
    ("GEMS_PARM_01", 0x0043): {0x27: "SH", 0x39: "IS", 0x6F: "DS"},  # pitch ratio, b value, table entry and gradient coil
    ("GEMS_SERS_01", 0x0025): {0x07: "SL"},  # images in the series
    ("Philips Imaging DD 001", 0x2001): {0x03: "FL", 0x04: "CS"},  # diffusion b factor and direction
    ("Philips PET Private Group", 0x7053): {0x00: "DS", 0x09: "DS"},  # SUV and activity concentration scale factors
    ("SIEMENS MR HEADER", 0x0019): {0x0C: "IS", 0x0D: "CS", 0x0E: "FD", 0x27: "FD"},  # b value, directionality, gradient, b matrix
}
"""Creator and group → low byte of the element → VR."""


def is_safe(creator: str, tag: int) -> bool:
    """Whether a private element may stay."""
    return tag & 0xFF in _SAFE.get((creator, tag >> 16), {})


def is_number(creator: str, tag: int) -> bool:
    """Whether a safe element is a binary number, in which no text can stand."""
    return _SAFE[creator, tag >> 16][tag & 0xFF] in _BINARY
