"""What stands in the place of an encapsulated document: the smallest valid one of its kind, which says that the source's is gone.

A document is opaque to the tables (PS3.15 Table E.1-1 gives it D), and any of its pages, comments or surfaces may tell a person.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from collections.abc import Mapping

from transforms.model.plan import ActionPlan, Profile, Verb

DOCUMENT, MIME_TYPE, LENGTH = 0x00420011, 0x00420012, 0x00420015

_SAID = "The source's document was removed by the de-identification of this object."


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """One document and what the object says of it (PS3.3 C.24.2)."""

    mime_type: str
    content: bytes
    """Without the byte that makes the element's length even."""

    @property
    def values(self) -> Mapping[int, bytes | str | int]:
        """The values of the elements above; padding is what the format reads over."""
        pad = b"\0" if self.mime_type == "model/stl" else b"\n"
        return {DOCUMENT: self.content + pad * (len(self.content) % 2), MIME_TYPE: self.mime_type, LENGTH: len(self.content)}


@functools.cache
def placeholders() -> Mapping[str, Document]:
    """By SOP class: PDF (ISO 32000-1 7.5), CDA (HL7 CDA R2), STL (binary), OBJ and MTL (Wavefront)."""
    return {
        "1.2.840.10008.5.1.4.1.1.104.1": Document("application/pdf", _pdf()),
        "1.2.840.10008.5.1.4.1.1.104.2": Document("text/XML", _CDA.encode("ascii")),
        "1.2.840.10008.5.1.4.1.1.104.3": Document("model/stl", _stl()),
        "1.2.840.10008.5.1.4.1.1.104.4": Document("model/obj", f"# {_SAID}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n".encode("ascii")),
        "1.2.840.10008.5.1.4.1.1.104.5": Document("model/mtl", f"# {_SAID}\nnewmtl removed\nKd 0.5 0.5 0.5\n".encode("ascii")),
    }


_NOT_OPENED = (Profile.KEEP_ALL, Profile.REMOVE_LIST, Profile.KEEP_LIST)
"""Who starts from one of these consents to what documents say, or leaves them out."""


def replaces(plan: ActionPlan, sop_class: str, tag: int) -> bool:
    """Whether an element at the top gets another document, or what that one says of itself, unless an action is for this element."""
    if tag not in (DOCUMENT, MIME_TYPE, LENGTH) or plan.profile in _NOT_OPENED or sop_class not in placeholders():
        return False
    rule = plan.rule((DOCUMENT,), "OB")
    return rule is None or rule.verb is Verb.RESET


def _pdf() -> bytes:
    """One A4 page, one line of text in a font that every reader has, and a cross-reference table that fits."""
    stream = f"BT /F1 12 Tf 72 770 Td ({_SAID}) Tj ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    pdf, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(pdf))
    return pdf + b"xref\n0 %d\n" % (len(objects) + 1) + table + trailer


def _stl() -> bytes:
    """A header, a count, and one triangle: its normal, its corners, no attributes."""
    triangle = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0)
    return _SAID.encode("ascii").ljust(80) + struct.pack("<I", 1) + triangle


_MASKED = '<id nullFlavor="MSK"/>'
_CDA = f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
 <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
 {_MASKED}
 <code nullFlavor="MSK"/>
 <effectiveTime nullFlavor="MSK"/>
 <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
 <recordTarget><patientRole>{_MASKED}</patientRole></recordTarget>
 <author><time nullFlavor="MSK"/><assignedAuthor>{_MASKED}</assignedAuthor></author>
 <custodian><assignedCustodian><representedCustodianOrganization>{_MASKED}</representedCustodianOrganization></assignedCustodian></custodian>
 <component><nonXMLBody><text mediaType="text/plain">{_SAID}</text></nonXMLBody></component>
</ClinicalDocument>
"""
