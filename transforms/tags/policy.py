"""The policy for every object (DESIGN 18): SOP class to family, family to what is done with it, from `data/policy.json`.

`process`: de-identified like any other. `replace`: likewise, with another document in the place of its own (`documents`).
`hold`: de-identified, then set aside for a person. `refuse` and `skip`: not opened further.
"""

from __future__ import annotations

import dataclasses
import json
from importlib import resources

from pydicom.dataset import FileDataset

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.records import Hold

STAGE_READ = "read"
STAGE_TAGS = "tags"

_DICOM_ROOT = "1.2.840.10008."


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """SOP classes that are treated alike."""

    name: str
    treatment: str
    """process, replace, hold, refuse or skip."""
    code: str = ""
    """Of the outcome, where the instance is not published."""
    sentence: str = ""


_UNKNOWN = Family("unknown", "hold", "UNKNOWN_SOP_CLASS", "a SOP class that this version does not know")
_PRIVATE = Family("private", "hold", "PRIVATE_SOP_CLASS", "a vendor's own SOP class, whose content no standard describes")

_POLICY = json.loads(resources.files("transforms.tags").joinpath("data/policy.json").read_text(encoding="utf-8"))
_FAMILIES = {
    sop_class: Family(name, entry["treatment"], entry.get("code", ""), entry.get("sentence", ""))
    for name, entry in _POLICY["families"].items()
    for sop_class in entry["classes"]
}
_SYNTAXES = {uid: entry for entry in _POLICY["syntaxes"] for uid in entry["uids"]}
_DIRECTORY = next(sop_class for sop_class, family in _FAMILIES.items() if family.name == "directory")


def family(sop_class: str) -> Family:
    """The family of a SOP class; standard classes without one and private classes have families of their own, which are held."""
    if sop_class in _FAMILIES:
        return _FAMILIES[sop_class]
    return _UNKNOWN if sop_class.startswith(_DICOM_ROOT) else _PRIVATE


def admit(dataset: FileDataset) -> None:
    """Raise InstanceProblem if the instance is of a kind that is not de-identified: by class, transfer syntax or content."""
    meta = dataset.file_meta
    if meta.get("MediaStorageSOPClassUID") == _DIRECTORY or "DirectoryRecordSequence" in dataset:
        _refuse(_FAMILIES[_DIRECTORY])
    sop_class = str(dataset.get("SOPClassUID") or "")
    if not sop_class:
        raise InstanceProblem(STAGE_READ, "NO_SOP_CLASS", "no SOP Class UID, so nothing says what kind of object this is")
    kind = family(sop_class)
    if kind.treatment in ("refuse", "skip"):
        _refuse(kind)
    syntax = _SYNTAXES.get(str(meta.get("TransferSyntaxUID")))
    if syntax is not None:
        raise InstanceProblem(STAGE_READ, syntax["code"], syntax["sentence"])
    if kind.name == "whole_slide" and _shows_label(dataset):
        raise InstanceProblem(STAGE_READ, "LABEL", "the picture shows the label of a slide")


def hold(dataset: FileDataset) -> Hold | None:
    """The doubt that a class of its own brings with it: raw data, unknown and private classes, retired ones that come out empty.

    So does a slide that does not say what it shows.
    """
    kind = family(str(dataset.get("SOPClassUID") or ""))
    if kind.treatment == "hold":
        return Hold(STAGE_TAGS, kind.code, kind.sentence)
    if kind.name == "whole_slide" and not _flavors(dataset):
        return Hold(STAGE_TAGS, "LABEL", "nothing says that the picture is not that of a slide's label")
    return None


def _refuse(kind: Family) -> None:
    outcome = OutcomeKind.SKIPPED if kind.treatment == "skip" else OutcomeKind.FAILED
    raise InstanceProblem(STAGE_READ, kind.code, kind.sentence, outcome)


def _shows_label(dataset: FileDataset) -> bool:
    """Value 3 of Image Type is LABEL, or Specimen Label in Image says YES (PS3.3 C.8.12.4), however they are spelt."""
    return "LABEL" in _flavors(dataset) or str(dataset.get("SpecimenLabelInImage") or "").strip().upper() == "YES"


def _flavors(dataset: FileDataset) -> list[str]:
    """The values of Image Type from the third on."""
    values = dataset.get("ImageType") or ()
    return [str(value).strip().upper() for value in ((values,) if isinstance(values, str) else values)][2:]
