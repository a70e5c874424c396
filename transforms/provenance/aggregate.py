"""Findings in fewer words, for instances whose Provenance would pass a store's limits (DESIGN 9; healthcare-api, trimming).

The Healthcare API indexes resources over 5 MB or 50,000 fields only in part. One Provenance an instance is never
split; it says less of each finding instead, counts them, and says in a child `aggregated` that it did.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from transforms.model.records import BoxFinding, TagFinding, WrittenInstance
from transforms.provenance.findings import box_extensions, by_frame, edges, frame_text, tag_extensions
from transforms.provenance.phi import Disclosure
from transforms.provenance.values import Json, decimal, strings

MAX_BYTES = 5_000_000
MAX_FIELDS = 50_000

_ITEM = re.compile(r"\[\d+\]")


def fits(resource: Json) -> bool:
    """Whether a resource stays under both limits. Fields are counted as members and array items, which is never too few."""
    return _fields(resource) <= MAX_FIELDS and len(json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()) <= MAX_BYTES


def _fields(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_fields, value.values()))
    if isinstance(value, list):
        return len(value) + sum(map(_fields, value))
    return 0


def renderings(written: WrittenInstance, disclosure: Disclosure) -> Iterator[tuple[list[Json], list[Json]]]:
    """The children of `dicom-images` and `dicom-tags`, from everything to the briefest; take the first that fits.

    Boxes first go without what follows from their edges, then one stands for each frame, then one for all frames; with
    each of these the elements are told one by one, and then by path, action and reason. Only where thousands of different
    elements pass the limits by themselves are they told by the groups of their tags, and in the end by their actions: the
    last rendering always fits.
    """
    for boxes in _BOXES:
        images = boxes(written, disclosure)
        yield images, tag_extensions(written.tags, disclosure)
        yield images, _tags_by_path(written.tags)
    for boxes in _BOXES:
        images = boxes(written, disclosure)
        yield images, _tags_by_group(written.tags)
        yield images, _tags_by_action(written.tags)


def _tags_by_path(tags: Iterable[TagFinding]) -> list[Json]:
    groups = collections.Counter((tag.tag, _ITEM.sub("", tag.path), tag.action.value, tag.reason) for tag in tags)
    extensions: list[Json] = [
        {
            "url": "tag-id",
            "valueString": tag,
            "extension": [
                *strings((("deidentify-action", action), ("deidentify-reason", reason), ("tag-path", path))),
                decimal("count", count),
            ],
        }
        for (tag, path, action, reason), count in groups.items()
    ]
    return _said(extensions, "elements by path, action and reason")


def _tags_by_group(tags: Iterable[TagFinding]) -> list[Json]:
    """One `tag-id` for a group of tags, such as `0009xxxx`, and an action."""
    return _said(_counted((f"{tag.tag[:4]}xxxx", tag.action.value) for tag in tags), "elements by group and action")


def _tags_by_action(tags: Iterable[TagFinding]) -> list[Json]:
    return _said(_counted(("xxxxxxxx", tag.action.value) for tag in tags), "elements by action")


def _counted(groups: Iterable[tuple[str, str]]) -> list[Json]:
    return [
        {"url": "tag-id", "valueString": tags, "extension": [*strings([("deidentify-action", action)]), decimal("count", count)]}
        for (tags, action), count in collections.Counter(groups).items()
    ]


def _boxes_without_relative_edges(written: WrittenInstance, disclosure: Disclosure) -> list[Json]:
    unmeasured = dataclasses.replace(written, columns=0, rows=0)
    return _said(box_extensions(unmeasured, disclosure), "relative edges are left out: divide by WIDTH and HEIGHT")


def _boxes_by_frame(written: WrittenInstance, disclosure: Disclosure) -> list[Json]:
    extensions = []
    for boxes in by_frame(written.boxes).values():
        around = _enclosing(boxes, written)
        around["extension"] += frame_text(boxes, disclosure) if written.all_text else []
        extensions.append(around)
    return _said(extensions, "boxes by frame: the rectangle around them")


def _boxes_of_all(written: WrittenInstance, _disclosure: Disclosure) -> list[Json]:
    if not written.boxes:
        return []
    boxes = sorted(written.boxes, key=lambda box: box.frame)
    around = _enclosing(boxes, written)
    around["extension"].append(decimal("last-frame-index", boxes[-1].frame))
    return _said([around], "boxes of all frames: the rectangle around them")


_BOXES = (box_extensions, _boxes_without_relative_edges, _boxes_by_frame, _boxes_of_all)
"""How boxes are told, from everything to the briefest."""


def _enclosing(boxes: list[BoxFinding], written: WrittenInstance) -> Json:
    around = BoxFinding(
        boxes[0].frame,
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
    return {
        **decimal("frame-index", around.frame),
        "extension": [*edges(around, written.columns, written.rows), decimal("count", len(boxes))],
    }


def _said(extensions: list[Json], how: str) -> list[Json]:
    return [*extensions, {"url": "aggregated", "valueString": how}] if extensions else []
