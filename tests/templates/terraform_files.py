"""The files of templates/terraform, read as Terraform's own parser reads them."""

import re
from pathlib import Path

import hcl2

FOLDER = Path(__file__).parents[2] / "templates" / "terraform"
FILES = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.tf"))}


def blocks(kind):
    """What stands in all blocks of one kind: `(labels, content)`, labels without quotes."""
    for text in FILES.values():
        for block in hcl2.loads(text).get(kind, []):
            yield from _labelled((), block)


def _labelled(labels, content):
    if content.get("__is_block__"):
        yield labels, content
        return
    for label, inner in content.items():
        yield from _labelled((*labels, label.strip('"')), inner)


def names(content):
    """Arguments and nested blocks, dynamic ones too: name → contents of its blocks, or None for an argument; a name may come twice."""
    for name, value in content.items():
        if name == "dynamic":
            yield from ((label.strip('"'), inner["content"]) for block in value for label, inner in block.items())
        elif not name.startswith("__"):
            is_block = isinstance(value, list) and value and isinstance(value[0], dict) and value[0].get("__is_block__")
            yield name, value if is_block else None


def references():
    """`var.x`, `local.x.y`, `data.x.y.z` and `google_….x.y` in full, wherever an expression names them; `"project"` in a text is none."""
    for text in FILES.values():
        for line in text.splitlines():
            code = re.sub(r'"(?:[^"$]|\$\{(?P<inside>[^}]*)\}|\$(?!\{))*"', _expressions, line.partition("#")[0])
            yield from re.findall(r"\b((?:var|local|data|google_\w+)(?:\.\w+)+)", code)


def _expressions(quoted):
    return " ".join(re.findall(r"\$\{([^}]*)\}", quoted[0]))
