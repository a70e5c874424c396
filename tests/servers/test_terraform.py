"""Resources of templates/terraform have the arguments and attributes that the google provider's schema knows, and no others."""

import ast
import sys
from pathlib import Path

import pytest
from fhir_servers import INSTALLED

sys.path.insert(0, str(Path(__file__).parents[1] / "templates"))

from terraform_files import FILES, blocks, names, references

pytestmark = pytest.mark.servers("terraform")

ROOT = INSTALLED / "terraform" / "cdktf_cdktf_provider_google"
META = {"count", "depends_on", "for_each", "lifecycle", "provider"}
OF_CDKTF = {"id_", "connection", "provisioners", "timeouts"}


def class_of(resource):
    """The name under which the schema has a kind of resource."""
    return "".join(part.capitalize() for part in resource.removeprefix("google_").split("_"))


def classes(resource):
    """Those of the module of a resource, for itself and for its nested blocks."""
    tree = ast.parse((ROOT / resource.removeprefix("google_") / "__init__.py").read_text())
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


def attributes(resource):
    """What can be asked of a resource; every one has an `id`."""
    (kind,) = (kind for kind in classes(resource) if kind.name == class_of(resource))
    methods = (part for part in kind.body if isinstance(part, ast.FunctionDef))
    properties = {method.name for method in methods if "builtins.property" in map(ast.unparse, method.decorator_list)}
    return {name for name in properties if not name.endswith("_input")} | {"id"}


def schema(resource):
    """Class name → {argument: (is required, its annotation)} of a resource and its nested blocks."""
    found = {}
    for kind in classes(resource):
        for method in kind.body:
            if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                pairs = zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True)
                found[kind.name] = {arg.arg: (default is None, ast.unparse(arg.annotation)) for arg, default in pairs}
    return found


def check(content, kind, kinds, path):
    known, parts = kinds[kind], list(names(content))
    given = {name for name, _ in parts}
    assert given - META <= set(known) - OF_CDKTF, path
    assert {name for name, (required, _) in known.items() if required} <= given, path
    for name, inner in parts:
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
    check(content, f"{class_of(resource)}Config", schema(resource), ".".join(labels))


def test_a_wrong_argument_would_be_noticed():
    kinds = schema("google_cloud_scheduler_job")
    with pytest.raises(AssertionError, match="http_target"):
        check({"name": '"x"', "http_target": [{"url": '"x"', "__is_block__": True}]}, "CloudSchedulerJobConfig", kinds, "job")


def unknown():
    """References to attributes that their resources do not have."""
    taken = {reference for reference in references() if reference.startswith("google_")}
    assert len(taken) > 10
    return {
        reference for reference in taken if reference.count(".") != 2 or reference.split(".")[2] not in attributes(reference.split(".")[0])
    }


def test_what_is_taken_of_a_resource_is_an_attribute_of_it(monkeypatch):
    assert unknown() == set()
    monkeypatch.setitem(FILES, "wrong.tf", 'x = google_service_account.worker.mail\ny = "${google_storage_bucket.staging}"\n')
    assert unknown() == {"google_service_account.worker.mail", "google_storage_bucket.staging"}
