"""Retain Safe Private: what Table E.3.10-1 names stays as what it is in the file, not as what it is said to be."""

import io
from collections import Counter

import pydicom
import pytest
from pydicom._private_dict import private_dictionaries
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.tags.safe_private import VRS
from transforms.tags.scrubber import Scrubber

PHILIPS, SIEMENS, GE, NQ = "Philips Imaging DD 001", "SIEMENS MR HEADER", "GEMS_PARM_01", "NQHeader"


@pytest.fixture
def run(secret, opened, file_bytes):
    """A function from a data set to (its private elements after the scrub without creators, tag → value; the file's bytes)."""

    def run(dataset, *more, syntax=ExplicitVRLittleEndian):
        plan = ActionPlan(Profile.BASIC, keep_primary_uids=False, image=ALL_TEXT, options=frozenset({Option.SAFE_PRIVATE, *more}))
        content = Scrubber(plan, secret).scrub(opened(file_bytes(dataset, syntax))).content
        new = pydicom.dcmread(io.BytesIO(content))
        return {int(e.tag): e.value for e in new if e.tag.is_private and not e.tag.is_private_creator}, content

    return run


@pytest.fixture
def dataset():
    dataset = Dataset()
    dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 192", "Kowalski^Jan"
    return dataset


def test_the_table_is_whole():
    assert len(VRS) == 479
    assert Counter(creator.split(" ")[0].rstrip(",") for creator, _, _ in VRS) == {
        "Philips": 355, "SIEMENS": 48, "NQLeft": 22, "NQRight": 22, "ELSCINT1": 7, "NQHeader": 7,
        "GEMS_ACQU_01": 4, "GEMS_PARM_01": 3, "GEIIS": 3, "GEMS_HELIOS_01": 2, "GEMS_SERS_01": 1, "HOLOGIC": 5,
    }  # fmt: skip
    assert all(group & 1 for _, group, _ in VRS)


def test_pydicom_knows_the_same_vrs_but_for_two():
    """Vendors' dictionaries say LO of a codec's content type, and CS of a line's colour; the table says SH and UL."""
    theirs = {row: entry[0] for row in VRS if (entry := private_dictionaries.get(row[0], {}).get(f"{row[1]:04X}xx{row[2]:02X}"))}
    assert len(theirs) == 205
    assert {row: (VRS[row], vr) for row, vr in theirs.items() if VRS[row] != vr} == {
        ("HOLOGIC, Inc.", 0x7E01, 0x02): ("SH", "LO"),
        (PHILIPS, 0x2001, 0x55): ("UL", "CS"),
    }


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_numbers_stay_and_text_is_inspected(run, dataset, syntax):
    block = dataset.private_block(0x2001, PHILIPS, create=True)
    block.add_new(0x03, "FL", 1000.0)
    block.add_new(0x2D, "SS", 24)
    block.add_new(0x87, "SH", "1H")
    block.add_new(0x50, "LO", "for Kowalski")
    kept, content = run(dataset, syntax=syntax)
    assert (kept[0x20011003], kept[0x2001102D], kept[0x20011087]) == (1000.0, 24, "1H")
    assert kept[0x20011050].startswith("for ")
    assert b"Kowalski" not in content


def test_what_the_file_says_it_is_decides(run, dataset):
    """Text where the table has a number is cleaned; a name or a date is not what the table calls safe."""
    block = dataset.private_block(0x2001, PHILIPS, create=True)
    block.add_new(0x03, "LO", "Kowalski 1000")
    block.add_new(0x04, "PN", "Kowalski^Jan")
    block.add_new(0x06, "DA", "19670304")
    block.add_new(0x07, "OB", b"Kowalski")
    kept, content = run(dataset)
    assert list(kept) == [0x20011003]
    assert b"Kowalski" not in content


def test_bytes_go_and_items_are_walked(run, dataset):
    item = Dataset()
    inner = item.private_block(0x2001, PHILIPS, create=True)
    inner.add_new(0x2D, "SS", 5)
    inner.add_new(0x7D, "OW", b"\1\2")
    inner.add_new(0x0D, "LO", "not in the table")
    item.PatientName = "Kowalski^Jan"
    item.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 2.0)
    dataset.private_block(0x2001, PHILIPS, create=True).add_new(0x5F, "SQ", [item])
    kept, content = run(dataset)
    [new] = kept[0x2001105F]
    assert {int(e.tag) for e in new if e.tag.is_private} == {0x20010010, 0x2001102D, 0x20050010, 0x2005100E}
    assert b"Kowalski" not in content


def test_uids_are_mapped_unless_uids_are_retained(run, dataset):
    dataset.private_block(0x0099, NQ, create=True).add_new(0x02, "UI", "1.2.3.4.3")
    dataset.SeriesInstanceUID = "1.2.3.4.3"
    kept, content = run(dataset)
    assert kept[0x00991002] == pydicom.dcmread(io.BytesIO(content)).SeriesInstanceUID != "1.2.3.4.3"
    assert run(dataset, Option.UIDS)[0][0x00991002] == "1.2.3.4.3"


def test_an_element_of_another_creator_or_group_goes(run, dataset):
    dataset.private_block(0x0043, "NOBODY", create=True).add_new(0x39, "IS", "7")
    dataset.private_block(0x0045, GE, create=True).add_new(0x39, "IS", "7")
    dataset.private_block(0x0043, GE, create=True).add_new(0x39, "IS", ["1000", "8", "0", "0"])
    dataset.private_block(0x0019, SIEMENS, create=True).add_new(0x08, "CS", "IMAGE NUM 4")
    assert list(run(dataset)[0]) == [0x00431139]
