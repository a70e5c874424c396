"""Each benchmark can be imported, and says what its options are: what is seldom run goes stale unseen."""

import importlib
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "benchmarks.burned_in.graph": ("tensorflow", "onnx"),
    "benchmarks.burned_in.loop": ("tensorflow",),
    "benchmarks.burned_in.train": ("tensorflow",),
    "benchmarks.burned_in.train_verifier": ("tensorflow",),
    "benchmarks.burned_in.peer": ("rapidocr",),
}
"""What needs a venv of its own, and one of the packages that are only there."""
FILES = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in sorted((ROOT / "benchmarks").rglob("*.py"))}
COMMANDS = [name for name, file in FILES.items() if name not in ELSEWHERE and "ArgumentParser(" in file.read_text()]


@pytest.mark.parametrize("name", [name for name in FILES if name not in ELSEWHERE and not name.endswith("__main__")])
def test_it_is_imported(name):
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("name", ELSEWHERE)
def test_nothing_else_is_wanting_where_a_package_is(name):
    with pytest.raises(ModuleNotFoundError) as missing:
        importlib.import_module(name)
    assert missing.value.name.partition(".")[0] in ELSEWHERE[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_it_says_what_its_options_are(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(name, run_name="__main__")
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out
