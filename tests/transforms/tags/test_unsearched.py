"""A picture that nobody searches goes while text is looked for, whatever keeps it; an action that takes it away does so in its own way."""

import pytest
from pydicom.dataset import Dataset

DRAWN = b"Smithers"
ALL_TEXT, NO_TEXT = {"textRedactionMode": "REDACT_ALL_TEXT"}, {"textRedactionMode": "REDACT_NO_TEXT"}
KEEPS = {
    "KEEP_ALL_PROFILE": {"profileType": "KEEP_ALL_PROFILE"},
    "DEIDENTIFY_TAG_CONTENTS": {"profileType": "DEIDENTIFY_TAG_CONTENTS"},
    "keepTag by mask": {"actions": [{"keepTag": {}, "queries": ["60xxxxxx", "7Fxxxxxx", "ReferencedImageSequence", "0009[ACME]01"]}]},
    "keepTag by VR": {"actions": [{"keepTag": {}, "queries": ["OB", "OW", "UN", "SQ"]}]},
}


def config(name: str, image: dict) -> dict:
    return {"dicomTagConfig": KEEPS[name] | {"options": {"cleanImage": image}}}


def holding(tag: int, vr: str = "OW") -> Dataset:
    """A data set with a bitmap under this tag, and the creator of its block where the tag is private."""
    dataset = Dataset()
    if tag >> 16 & 1:
        dataset.add_new(tag >> 16 << 16 | 0x10, "LO", "ACME")
    dataset.add_new(tag, vr, DRAWN)
    return dataset


def in_a_sequence(tag: int, private: bool) -> Dataset:
    dataset = Dataset()
    if private:
        dataset.private_block(0x0009, "ACME", create=True).add_new(1, "SQ", [holding(tag)])
    else:
        dataset.ReferencedImageSequence = [holding(tag)]
    return dataset


def reasons(scrubbed, tag: int) -> list[tuple[str, str]]:
    return [(finding.action, finding.reason) for finding in scrubbed.findings if finding.tag == f"{tag:08X}"]


@pytest.mark.parametrize("keeps", KEEPS)
@pytest.mark.parametrize("tag", [0x60203000, 0x60FE3000, 0x60013000])
def test_an_overlay_in_a_group_that_is_none_goes(deidentify, keeps, tag):
    scrubbed, new, _ = deidentify(config(keeps, ALL_TEXT), holding(tag))
    assert tag not in new
    assert DRAWN not in scrubbed.content
    assert reasons(scrubbed, tag) == [("DELETED", f"Matched ID: {tag:08X} (no overlay of PS3.3 C.9.2, and so not searched for text)")]


@pytest.mark.parametrize("keeps", KEEPS)
@pytest.mark.parametrize("private", [False, True])
def test_an_overlay_in_a_sequence_goes(deidentify, keeps, private):
    scrubbed, _, _ = deidentify(config(keeps, ALL_TEXT), in_a_sequence(0x60003000, private))
    assert DRAWN not in scrubbed.content


@pytest.mark.parametrize("vr", ["LT", "UT"])
def test_a_text_where_an_overlay_has_its_bitmap_goes(deidentify, vr):
    dataset = Dataset()
    dataset.add_new(0x60003000, vr, DRAWN.decode())
    scrubbed, _, _ = deidentify(config("KEEP_ALL_PROFILE", ALL_TEXT), dataset)
    assert DRAWN not in scrubbed.content


@pytest.mark.parametrize("keeps", KEEPS)
@pytest.mark.parametrize("tag", [0x7F000010, 0x7F020010, 0x7FFE0010, 0x7F020040, 0x7FE00020])
def test_samples_of_the_retired_kinds_go(deidentify, keeps, tag):
    scrubbed, new, _ = deidentify(config(keeps, ALL_TEXT), holding(tag))
    assert tag not in new
    assert DRAWN not in scrubbed.content
    assert reasons(scrubbed, tag) == [("DELETED", f"Matched ID: {tag:08X} (retired samples, which are not searched for text)")]


def test_samples_and_private_elements_of_the_neighbouring_groups_stay(deidentify):
    dataset = Dataset()
    dataset.add_new(0x7FE00010, "OW", DRAWN)
    dataset.private_block(0x7FE1, "ACME", create=True).add_new(0x10, "LO", "kept")
    _, new, _ = deidentify(config("KEEP_ALL_PROFILE", ALL_TEXT), dataset)
    assert (new.PixelData, new[0x7FE10010].value, new[0x7FE11010].value) == (DRAWN, "ACME", "kept")


@pytest.mark.parametrize("tag", [0x60203000, 0x60013000, 0x7F020010])
def test_where_no_text_is_looked_for_the_config_keeps_it(deidentify, tag):
    _, new, _ = deidentify(config("KEEP_ALL_PROFILE", NO_TEXT), holding(tag))
    assert new[tag].value == DRAWN


def test_an_overlay_that_is_searched_stays(deidentify):
    _, new, _ = deidentify(config("KEEP_ALL_PROFILE", ALL_TEXT), holding(0x60023000))
    assert new[0x60023000].value == DRAWN


def test_an_action_that_takes_it_away_does_so_in_its_own_way(deidentify):
    actions = {"actions": [{"removeTag": {}, "queries": ["60xx3000"]}], "options": {"cleanImage": ALL_TEXT}}
    scrubbed, new, _ = deidentify({"dicomTagConfig": {"profileType": "KEEP_ALL_PROFILE"} | actions}, holding(0x60203000))
    assert not new[0x60203000].value
    assert reasons(scrubbed, 0x60203000) == [("REMOVED", "Matched Expression: 60xx3000 (removeTag)")]
