"""What is marked and never proven is taken out of the destination again, and nothing else."""

import dataclasses
import hashlib
import io

import pydicom
import pytest

from transforms.model import spool
from transforms.model.names import LOCAL_DATASET, OperationName, instance_name
from transforms.model.records import Hold, InstanceRef, InstanceUids, OpenInstance, ScrubbedInstance
from transforms.write.destination import Folder
from transforms.write.marks import set_marks, take_back

STORE = f"{LOCAL_DATASET}/dicomStores/out"
NAME = OperationName("op", "in", STORE, "fhir")
START = None
"""Nobody asks when it was."""


def instance(number, content, **changes):
    """Instance `number`, whose de-identified file has this content."""
    ref, uids = InstanceRef(f"{number:016x}", f"/in/{number}.dcm", 1), InstanceUids("2.25.1", "2.25.2", f"2.25.{number}")
    opened = OpenInstance(ref, InstanceUids("1.2", "1.3", f"1.4.{number}"), pydicom.FileDataset(io.BytesIO(), {}), START)
    return dataclasses.replace(ScrubbedInstance(opened, uids, content, ()), **changes)


def prove(folder, reference, target, store=STORE, prefix="", source=f"{STORE}-source"):
    """Spool what tells of an instance."""
    shard = spool.Shard(folder.spool, prefix)
    names = {
        "entity": [{"what": {"identifier": {"value": instance_name(source, target)}}}],
        "target": [{"identifier": {"value": instance_name(store, target)}}],
    }
    shard.add(reference, {"provenance": names})
    shard.close()


@pytest.fixture
def published(destination, tmp_path):
    """The contents of the destination by the last part of their names."""
    return lambda: {int(path.stem.rpartition(".")[2]): path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}


def test_only_what_is_marked_and_told_of_by_nobody_is_taken_back(workspace, folder, destination, published):
    batch = [instance(number, b"%d" % number) for number in range(1, 8)]
    set_marks(folder, batch[:6])
    for one in batch:
        destination.publish(one.target, one.content)
    prove(folder, batch[0].opened.ref.reference, batch[0].target)
    prove(workspace.operation("an-earlier-night"), "another", batch[1].target)
    prove(workspace.operation("to-another-place"), "another", batch[2].target, f"{STORE}x", source=STORE)
    prove(folder, batch[3].opened.ref.reference, batch[3].target, prefix=spool.HELD)
    destination.withdraw(batch[4].target)
    destination.put(batch[4].target, b"another's")
    assert take_back(folder, NAME, destination) == 0
    assert published() == {1: b"1", 2: b"2", 5: b"another's", 7: b"7"}
    assert not folder.marks.exists()
    assert take_back(folder, NAME, destination) == 0


def test_of_a_source_that_changed_after_a_kill_the_first_goes(folder, destination, published):
    first, second = instance(1, b"first"), instance(1, b"second", target=InstanceUids("2.25.1", "2.25.2", "2.25.9"))
    for one in (first, second):
        set_marks(folder, [one])
        destination.publish(one.target, one.content)
    prove(folder, second.opened.ref.reference, second.target)
    assert take_back(folder, NAME, destination) == 0
    assert published() == {9: b"second"}


def test_what_the_destination_does_not_give_back_stays_marked(folder, destination, published):
    @dataclasses.dataclass(frozen=True)
    class Closed(Folder):
        """Its files cannot be removed, since something else lies in their folder's place for whoever tries."""

        def withdraw(self, target):
            Folder(f"{self.name}/{target.study}/{target.series}/{target.instance}.dcm").withdraw(target)

    one = instance(1, b"one")
    set_marks(folder, [one])
    destination.publish(one.target, one.content)
    assert take_back(folder, NAME, Closed(destination.name)) == 1
    assert published() == {1: b"one"}
    assert take_back(folder, NAME, destination) == 0
    assert published() == {}


def test_what_is_held_or_there_already_is_not_marked_and_a_batch_has_one_file(folder):
    held = instance(1, b"1", holds=(Hold("proof", "RESIDUAL_TOKEN", "A token is left."),))
    set_marks(folder, [held, instance(2, b"2", published=True)])
    assert not folder.marks.exists()
    set_marks(folder, [instance(3, b"3"), instance(4, b"4"), held])
    set_marks(folder, [held, instance(4, b"4"), instance(3, b"3")])
    (file,) = folder.marks.iterdir()
    assert hashlib.sha256(b"4").hexdigest() in file.read_text()
    assert len(file.read_text().splitlines()) == 2
