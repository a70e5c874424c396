"""What a held instance says of itself once a person has released it (DESIGN 15): two elements more, all else byte for byte as it was."""

from __future__ import annotations

from collections.abc import Iterable

import pydicom

from transforms.model.large import Content, as_file, view
from transforms.tags.elements import at, data_set, tags
from transforms.tags.encode import part10, transfer_syntax
from transforms.tags.headers import Code, Headers


def released(content: Content, methods: Iterable[Code]) -> Content:
    """A file that we wrote into the quarantine as it is to be published; `methods` are those of its `Release`.

    Without methods it is the same file. Raises InstanceProblem (CANNOT_ENCODE).
    """
    methods = tuple(methods)
    if not methods:
        return content
    dataset = pydicom.dcmread(as_file(view(content)))
    elements = {tag: at(dataset, tag) for tag in tags(dataset)}
    sop_class, sop_instance = str(dataset.file_meta.MediaStorageSOPClassUID), str(dataset.file_meta.MediaStorageSOPInstanceUID)
    Headers(elements, dataset, sop_class).claim(methods)
    return part10(data_set(elements, dataset), transfer_syntax(dataset), sop_class, sop_instance)
