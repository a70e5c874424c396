import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

from transforms.model.errors import OutcomeKind
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, ScrubbedInstance
from transforms.proof.transform import Prove

from .conftest import BASIC, NOON, SOURCE_UIDS, part10


def test_a_doubt_is_added_as_a_hold_and_an_unreadable_output_becomes_an_outcome(source, output):
    clean = part10(output)
    output.ImageComments = "Kowalski"
    contents = {"clean": clean, "doubtful": part10(output), "broken": b"\x00" * 200}
    uids = InstanceUids(*SOURCE_UIDS.values())

    def scrubbed(name):
        opened = OpenInstance(InstanceRef(name, "/x.dcm", 0), uids, source, NOON)
        return ScrubbedInstance(opened, uids, contents[name], ())

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        proven = pipeline | beam.Create(list(contents)) | beam.Map(scrubbed) | "Prove" >> Prove(BASIC)
        holds = proven.instances | beam.Map(lambda one: (one.opened.ref.reference, [hold.code for hold in one.holds]))
        failed = proven.outcomes | beam.Map(lambda one: (one.reference, one.kind, one.stage, one.code))
        assert_that(holds, equal_to([("clean", []), ("doubtful", ["RESIDUAL_TOKEN"])]), "holds")
        assert_that(failed, equal_to([("broken", OutcomeKind.FAILED, "proof", "UNREADABLE_OUTPUT")]), "outcomes")
