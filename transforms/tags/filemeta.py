"""What is lost of the source's preamble and file meta, which are made afresh (PS3.10 7.1), as findings."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import FileDataset

from transforms.model.records import Action, TagFinding
from transforms.tags import elements
from transforms.tags.uids import strip

_SOP_INSTANCE = 0x00020003
_IMPLEMENTATION = frozenset({0x00020012, 0x00020013})
_SAME = frozenset({0x00020000, 0x00020001, 0x00020002, 0x00020010})
"""Group length, version, SOP class and transfer syntax: computed, or the source's own."""
_REASON = "Matched Expression: 0002eeee (file meta information is made afresh, PS3.10 7.1)"


def findings(source: FileDataset, new_instance: str) -> Iterator[TagFinding]:
    """The preamble, under the tag of the element that follows it (it has none of its own), then the elements of group 0002."""
    if (source.preamble or b"").strip(b"\0"):
        yield TagFinding("00020000", Action.RESET, "Matched Expression: file preamble")
    meta = source.file_meta
    for tag in elements.tags(meta):
        if tag in _SAME:
            continue
        original = elements.text(elements.at(meta, tag), meta)
        if tag == _SOP_INSTANCE:
            if strip(original or "") != new_instance:
                yield TagFinding(f"{tag:08X}", Action.REGENERATED_UID, _REASON, original=original, replaced=new_instance)
        else:
            action = Action.RESET if tag in _IMPLEMENTATION else Action.DELETED
            yield TagFinding(f"{tag:08X}", action, _REASON, original=original)
