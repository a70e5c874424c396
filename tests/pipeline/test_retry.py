"""An operation's command is kept for a retry, but never a key."""

import json

import pytest

from pipeline.operation import find_operation
from pipeline.options import parse
from pipeline.request import read_request
from pipeline.retry import remember, retry
from transforms.model.errors import ConfigError

KEY = "MDEyMzQ1Njc4OWFiY2RlZg=="
KEYED = json.dumps({"text": {"transformations": [{"infoTypes": ["PERSON_NAME"], "cryptoHashConfig": {"cryptoKey": KEY}}]}})


@pytest.fixture
def kept(tmp_path, workspace, monkeypatch):
    """`kept(*words)`: the operation `nightly`, whose latest run was given these words beside its places."""

    def remembered(*words):
        monkeypatch.chdir(tmp_path)
        folder = workspace.operation("nightly")
        folder.state_file.parent.mkdir(exist_ok=True)
        folder.state_file.write_text("{}")
        settings = parse(["--source=in", "--destination=out", "--workspace=workspace", *words])
        remember(folder, settings, read_request(settings))
        return find_operation(workspace, None)

    return remembered


def test_the_command_is_given_again_where_it_was_given(kept, tmp_path, workspace, monkeypatch):
    operation = kept("--patient_id=empty", "--operation_id=nightly")
    monkeypatch.chdir("/")
    given = []
    assert retry(operation, lambda words: given.append((parse(words), words)) or 7) == 7
    ((settings, words),) = given
    assert (settings.source, settings.destination, settings.workspace) == (str(tmp_path / "in"), str(tmp_path / "out"), workspace)
    assert (settings.patient_id, settings.operation_id) == ("empty", "nightly")
    remember(operation.folder, settings, read_request(settings))
    assert json.loads(operation.folder.command_file.read_bytes())["arguments"] == words  # it does not grow from retry to retry
    assert retry(operation, lambda again: again == words) is True


def test_a_command_that_holds_a_key_is_not_kept(kept, tmp_path):
    operation = kept()
    assert operation.folder.command_file.exists()
    assert kept("--config", KEYED) == operation
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY in path.read_text()]
    with pytest.raises(ConfigError, match="its command is not kept"):
        retry(operation, len)
    (tmp_path / "config.json").write_text(KEYED)
    assert json.loads(kept("--config=config.json").folder.command_file.read_bytes())["folder"] == str(tmp_path)


def test_a_folder_that_is_gone_is_said_to_be(kept, tmp_path):
    operation = kept()
    operation.folder.command_file.write_text(json.dumps({"folder": str(tmp_path / "gone"), "arguments": []}))
    with pytest.raises(ConfigError, match="folder in which its command was given is gone"):
        retry(operation, len)
