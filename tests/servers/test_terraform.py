"""Every resource of templates/terraform has the arguments that the google provider's schema asks for, and no others."""

import ast
import sys
from pathlib import Path

import pytest
from fhir_servers import INSTALLED

sys.path.insert(0, str(Path(__file__).parents[1] / "templates"))

from terraform_files import blocks, names

pytestmark = pytest.mark.servers("terraform")

ROOT = INSTALLED / "terraform" / "cdktf_cdktf_provider_google"
META = {"count", "depends_on", "for_each", "lifecycle", "provider"}
OF_CDKTF = {"id_", "connection", "provisioners", "timeouts"}


def schema(resource):
    """Class name → {argument: (is required, its annotation)} of a resource and its nested blocks."""
    tree = ast.parse((ROOT / resource.removeprefix("google_") / "__init__.py").read_text())
    found = {}
    for kind in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for method in kind.body:
            if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                pairs = zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True)
                found[kind.name] = {arg.arg: (default is None, ast.unparse(arg.annotation)) for arg, default in pairs}
    return found


def check(content, kind, kinds, path):
    known, given = kinds[kind], dict(names(content))
    assert set(given) - META <= set(known) - OF_CDKTF, path
    assert {name for name, (required, _) in known.items() if required} <= set(given), path
    for name, inner in given.items():
        if inner is not None and name not in META:
            nested = f"{kind.removesuffix('Config')}{''.join(part.capitalize() for part in name.split('_'))}"
            assert nested in kinds, f"{path}.{name} is no block"
            for part in inner:
                check(part, nested, kinds, f"{path}.{name}")


@pytest.mark.parametrize(
    ("labels", "content"), list(blocks("resource")), ids=lambda value: ".".join(value) if isinstance(value, tuple) else ""
)
def test_a_resource_is_as_the_provider_wants_it(labels, content):
    resource = labels[0]
    kind = "".join(part.capitalize() for part in resource.removeprefix("google_").split("_"))
    check(content, f"{kind}Config", schema(resource), ".".join(labels))


def test_a_wrong_argument_would_be_noticed():
    kinds = schema("google_cloud_scheduler_job")
    with pytest.raises(AssertionError, match="http_target"):
        check({"name": '"x"', "http_target": [{"url": '"x"', "__is_block__": True}]}, "CloudSchedulerJobConfig", kinds, "job")
