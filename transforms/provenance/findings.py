"""Findings as the extensions of the API's page: one `frame-index` a box, one `tag-id` a changed element.

The page's sample lists several boxes flat in one `frame-index`; one for each box keeps the values of a box together
(DESIGN 9) and still matches its FHIRPath and SQL.
"""

from __future__ import annotations

from collections.abc import Iterable

from transforms.model.records import BoxFinding, TagFinding, WrittenInstance
from transforms.provenance.phi import Disclosure
from transforms.provenance.values import MAX_FRAME_TEXT, Json, decimal, strings, text_value


def box_extensions(written: WrittenInstance, disclosure: Disclosure) -> list[Json]:
    """The children of `dicom-images`: each box of each frame in order; a frame without a box has none.

    `extracted-text`, the texts of a frame joined by a space, stands in the frame's first box only, and only where all text
    is redacted: it is what the API's page gives in that mode. `deidentify-reason` of a box is our own child.
    """
    extensions = []
    for frame, boxes in by_frame(written.boxes).items():
        for position, box in enumerate(boxes):
            inner = edges(box, written.columns, written.rows)
            inner += strings((("quote", disclosure.text(box.text)), ("infoType", text_value(box.info_type))))
            if box.confidence is not None:
                inner.append(decimal("confidence", box.confidence))
            inner += strings([("deidentify-reason", text_value(box.reason))])
            if position == 0 and written.all_text:
                inner += frame_text(boxes, disclosure)
            extensions.append({**decimal("frame-index", frame), "extension": inner})
    return extensions


def by_frame(boxes: Iterable[BoxFinding]) -> dict[int, list[BoxFinding]]:
    """The boxes of each frame that has any, frames in order."""
    frames: dict[int, list[BoxFinding]] = {}
    for box in sorted(boxes, key=lambda box: box.frame):
        frames.setdefault(box.frame, []).append(box)
    return frames


def frame_text(boxes: Iterable[BoxFinding], disclosure: Disclosure) -> list[Json]:
    """`extracted-text` of one frame's boxes, if they have any text."""
    joined = " ".join(box.text for box in boxes if box.text.strip())
    return strings([("extracted-text", disclosure.text(joined, MAX_FRAME_TEXT))])


def edges(box: BoxFinding, columns: int, rows: int) -> list[Json]:
    """The four edges in pixels and as parts of the frame: x values by its width, y values by its height."""
    absolute = [decimal(name, getattr(box, name)) for name in ("left", "right", "top", "bottom")]
    if not columns or not rows:
        return absolute
    parts = (("left", box.left / columns), ("right", box.right / columns), ("top", box.top / rows), ("bottom", box.bottom / rows))
    return absolute + [decimal(f"relative-{name}", part) for name, part in parts]


def tag_extensions(tags: Iterable[TagFinding], disclosure: Disclosure) -> list[Json]:
    """The children of `dicom-tags`: each changed element in order.

    `tag-path`, the sequences above a nested element, is our own child. The page's `byte-start` and `byte-end` belong
    to findings inside a text; an element changed as a whole has none.
    """
    return [
        {
            "url": "tag-id",
            "valueString": tag.tag,
            "extension": _bytes(tag)
            + strings(
                (
                    ("finding-infotype", text_value(tag.info_type)),
                    ("text-original", disclosure.text(tag.original)),
                    ("text-replaced", text_value(tag.replaced)),
                    ("deidentify-action", tag.action.value),
                    ("deidentify-reason", text_value(tag.reason)),
                    ("tag-path", tag.path),
                )
            ),
        }
        for tag in tags
    ]


def _bytes(tag: TagFinding) -> list[Json]:
    if tag.byte_start is None or tag.byte_end is None:
        return []
    return [decimal("byte-start", tag.byte_start), decimal("byte-end", tag.byte_end)]
