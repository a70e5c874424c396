"""What a held instance says of itself once a person has released it (DESIGN 15): two elements more, all else byte for byte as it was."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.filereader import read_partial
from pydicom.uid import UID

from transforms.model.deflate import in_plain
from transforms.model.large import Content, as_file, view
from transforms.model.part10 import transfer_syntax
from transforms.tags.elements import at, data_set, tags
from transforms.tags.encode import part10
from transforms.tags.headers import METHOD_CODES, Code, Headers


def released(content: Content, methods: Iterable[Code]) -> Content:
    """A file that we wrote into the quarantine as it is to be published; `methods` are those of its `Release`.

    Without methods it is the same file. What follows the two in it is passed on as it is encoded, and never in memory as a whole.
    Raises InstanceProblem (CANNOT_ENCODE, NO_ROOM).
    """
    methods = tuple(methods)
    if not methods:
        return content
    plain = in_plain(content, "tags")
    file = as_file(view(plain))
    head = read_partial(file, stop_when=lambda tag, _vr, _length: tag > METHOD_CODES)
    elements = {tag: at(head, tag) for tag in tags(head)}
    sop_class, sop_instance = str(head.file_meta.MediaStorageSOPClassUID), str(head.file_meta.MediaStorageSOPInstanceUID)
    Headers(elements, head, sop_class).claim(methods)
    return part10(data_set(elements, head), UID(transfer_syntax(content)), sop_class, sop_instance, view(plain)[file.tell() :])
