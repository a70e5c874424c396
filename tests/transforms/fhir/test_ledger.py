import json

import pytest

from transforms.fhir.bundles import EntryAnswer
from transforms.fhir.ledger import Ledger, ShardAnswer, spooled_entry
from transforms.model import spool

REFUSED = EntryAnswer(400, "invalid")


def settle(ledger, shards, dead=()):
    sent = []
    for entry in ledger.entries(shards):
        sent.append(entry.reference)
        if entry.reference in dead:
            ledger.dead(entry, REFUSED, 1, retryable=False)
        else:
            ledger.answered(entry)
    return sent, list(ledger.finished())


def test_an_answered_shard_is_marked_counted_and_not_read_again(spooled, folder):
    shards = spooled(5)
    name = shards[0].name
    assert settle(Ledger(folder), shards) == ([f"{n:016x}" for n in range(5)], [ShardAnswer(name, 5, 5, 0)])
    assert (folder.answered / name).read_bytes() == b""
    (folder.spool / f"{name}.ndjson").write_bytes(b"not to be read")
    assert settle(Ledger(folder), shards) == ([], [ShardAnswer(name, 5, 5, 0)])


def test_dead_letters_are_one_record_each_without_the_resource(spooled, folder):
    shards = spooled(5)
    name = shards[0].name
    _, answers = settle(Ledger(folder), shards, dead={f"{3:016x}", f"{1:016x}"})
    assert answers == [ShardAnswer(name, 5, 3, 2)]
    text = (folder.dead_letters / f"{name}.ndjson").read_text()
    assert [json.loads(line) for line in text.splitlines()] == [
        {"reference": f"{n:016x}", "id": f"{n:032x}", "status": 400, "code": "invalid", "attempts": 1, "retryable": False} for n in (1, 3)
    ]
    assert not (folder.answered / name).exists()
    assert (folder.dead_letters / f"{name}.ndjson").stat().st_mode & 0o777 == 0o600


def test_only_dead_letters_are_sent_again_until_none_is_left(spooled, folder):
    shards = spooled(5)
    name = shards[0].name
    one, three = f"{1:016x}", f"{3:016x}"
    settle(Ledger(folder), shards, dead={one, three})
    assert settle(Ledger(folder), shards, dead={one}) == ([one, three], [ShardAnswer(name, 5, 4, 1)])
    assert settle(Ledger(folder), shards) == ([one], [ShardAnswer(name, 5, 5, 0)])
    assert list(folder.dead_letters.iterdir()) == []
    assert (folder.answered / name).exists()


def test_an_entry_in_two_shards_is_sent_and_counted_once(folder, spooled):
    whole, part = spooled(6), spooled(3)
    assert len({shard.name for shard in (*whole, *part)}) == 2
    sent, answers = settle(Ledger(folder), [*whole, *part, *whole])
    assert sorted(sent) == [f"{n:016x}" for n in range(6)]
    assert sum(answer.entries for answer in answers) == sum(answer.answered for answer in answers) == 6
    again, answers = settle(Ledger(folder), [*part, *whole])
    assert again == []
    assert sum(answer.answered for answer in answers) == 6


def test_a_shard_broken_off_is_sent_as_a_whole(spooled, folder):
    shards = spooled(4)
    ledger = Ledger(folder)
    entries = ledger.entries(shards)
    ledger.answered(next(entries))
    assert list(ledger.finished()) == []
    assert settle(Ledger(folder), shards)[0] == [entry["reference"] for entry in spool.read_all(folder.spool)]


@pytest.mark.parametrize("text", ['"id":"0"', '{"id":"1"},"reference":"2"}', "\\", "é\u2028", 0.10])
def test_a_line_is_cut_as_it_would_be_parsed(tmp_path, text):
    resource = {"resourceType": "Provenance", "id": "a" * 32, "entity": [{"note": text}]}
    (shard,) = spool.write_entries(tmp_path, [("0123456789abcdef", {"provenance": resource})])
    (line,) = spool.read_lines(tmp_path, shard.name)
    entry = spooled_entry(shard.name, line)
    assert (entry.shard, entry.reference, entry.id) == (shard.name, "0123456789abcdef", "a" * 32)
    assert json.loads(entry.body) == resource
    assert entry.body in line


def test_a_line_of_another_make_is_parsed():
    resource = {"id": "a", "contained": [{"id": "b"}]}
    for line in (json.dumps({"reference": "r", "provenance": resource}), json.dumps({"provenance": resource, "reference": "r"})):
        entry = spooled_entry("s", line.encode())
        assert (entry.reference, entry.id, json.loads(entry.body)) == ("r", "a", resource)
