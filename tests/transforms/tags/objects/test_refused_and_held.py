"""Video, inventories and referenced pixels are refused; raw data, unknown and private classes are de-identified and held."""

import json
from pathlib import Path

import pydicom
import pytest

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.tags import policy

POLICY = json.loads((Path(policy.__file__).parent / "data" / "policy.json").read_text())
SYNTAXES = sorted((uid, entry["code"]) for entry in POLICY["syntaxes"] for uid in entry["uids"])
RAW = pydicom.uid.RawDataStorage


@pytest.mark.parametrize(("syntax", "code"), SYNTAXES)
def test_a_transfer_syntax_that_cannot_be_searched_is_refused(opened, made, encoded, syntax, code):
    instance = opened(encoded(made(pydicom.uid.VideoEndoscopicImageStorage)))
    instance.dataset.file_meta.TransferSyntaxUID = syntax
    with pytest.raises(InstanceProblem) as refused:
        policy.admit(instance.dataset)
    assert (refused.value.code, refused.value.kind) == (code, OutcomeKind.FAILED)


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [(RAW, "RAW_DATA"), ("1.2.840.10008.5.1.4.1.1.999", "UNKNOWN_SOP_CLASS"), ("1.3.12.2.1107.5.9.1", "PRIVATE_SOP_CLASS")],
)
def test_what_no_table_describes_is_scrubbed_and_held(made, deidentify, sop_class, code):
    dataset = made(RAW)
    dataset.SOPClassUID = sop_class
    dataset.private_block(0x0029, "SIEMENS CSA NON-IMAGE", create=True).add_new(0x10, "OB", b"raw data of Kowalski")
    done = deidentify(dataset)
    assert [hold.code for hold in done.holds] == [code]
    assert b"Kowalski" not in done.scrubbed.content
    assert done.new.PatientIdentityRemoved == "NO"


def test_an_inventory_is_refused(made, deidentify):
    with pytest.raises(InstanceProblem) as refused:
        deidentify(made("1.2.840.10008.5.1.4.1.1.201.1"))
    assert refused.value.code == "INVENTORY"
