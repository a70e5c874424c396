"""The two shapes of a Provenance: `google`, as on the API's page, and `r4`, as strict servers want it (DESIGN 9).

R4's invariant ext-1 allows an extension a value or children, not both; the page's `frame-index` and `tag-id` have both.
"""

from __future__ import annotations

import enum

from transforms.provenance.values import Json

VALUE_CHILD = {"frame-index": "index", "tag-id": "tag"}
"""Where the value of such an extension goes in the `r4` shape: its first child, under this url."""


class Shape(enum.StrEnum):
    """The values of `--provenance_shape`."""

    GOOGLE = "google"
    R4 = "r4"


def to_r4(resource: Json) -> Json:
    """The same facts with every value beside children moved into a child. The argument is left as it is."""
    return {
        **resource,
        "entity": [{**entity, "extension": [_strict(child) for child in entity["extension"]]} for entity in resource["entity"]],
    }


def _strict(extension: Json) -> Json:
    if "extension" not in extension:
        return extension
    inner = [_strict(child) for child in extension["extension"]]
    values = {name: value for name, value in extension.items() if name.startswith("value")}
    if values:
        inner.insert(0, {"url": VALUE_CHILD[extension["url"]], **values})
    return {"url": extension["url"], "extension": inner}
