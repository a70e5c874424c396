"""An ICC profile loses its words and keeps its colours."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from pydicom.dataset import Dataset

from transforms.model.records import Action
from transforms.tags.icc import without_texts

BASIC = {"dicomTagConfig": {}}
MINIMAL = {"dicomTagConfig": {"profileType": "MINIMAL_KEEP_LIST_PROFILE"}}
SLIDE, COLOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.11.2"
CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}


def profile(*more: tuple[bytes, bytes]) -> bytes:
    """sRGB as LittleCMS makes it, with further tags; sizes and offsets as they have to be."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (count,) = struct.unpack_from(">L", made, 128)
    old = [struct.unpack_from(">4sLL", made, 132 + 12 * number) for number in range(count)]
    tags = [(name, made[offset : offset + size]) for name, offset, size in old] + list(more)
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, value in tags:
        table += struct.pack(">4sLL", name, at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    whole = made[:128] + struct.pack(">L", len(tags)) + table + body
    return struct.pack(">L", len(whole)) + whole[4:]


def described(text: bytes) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">L", len(text) + 1) + text + b"\0" + bytes(8 + 3 + 67)


WORDY = profile(
    (b"dmnd", described(b"Smithers Clinic")),
    (b"dmdd", b"text" + bytes(4) + b"Smithers Scanner\0"),
    (b"calt", b"dtim" + bytes(4) + struct.pack(">6H", 1967, 3, 4, 1, 2, 3)),
    (b"mmod", b"mmod" + bytes(4) + b"SN Smithers"),
)


def colours(icc: bytes) -> bytes:
    """What the profile makes of a picture of many colours, in another space."""
    picture = Image.frombytes("RGB", (16, 16), bytes(range(256)) * 3)
    made = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("LAB"), outputMode="LAB")
    assert made is not None
    return made.tobytes()


def test_no_word_is_left_and_every_colour_is():
    new = without_texts(WORDY)
    assert new is not None
    assert len(new) == len(WORDY)
    assert b"Smithers" not in new
    assert "sRGB".encode("utf-16-be") not in new
    assert struct.pack(">6H", 1967, 3, 4, 1, 2, 3) not in new
    assert colours(new) == colours(WORDY)
    assert without_texts(new) == new


def test_what_lies_between_the_tags_goes_too():
    new = without_texts(WORDY + b"Smithers")
    assert new is not None
    assert b"Smithers" not in new


@pytest.mark.parametrize("broken", [b"", b"Smithers", WORDY[:-8], WORDY[:132] + b"\xff" * 40 + WORDY[172:]])
def test_what_is_no_profile_is_none(broken):
    assert without_texts(broken) is None


@given(st.integers(128, len(WORDY) - 1), st.integers(0, 255))
def test_a_damaged_profile_is_none_or_as_long_as_before(at, byte):
    new = without_texts(WORDY[:at] + bytes([byte]) + WORDY[at + 1 :])
    assert new is None or len(new) == len(WORDY)


@pytest.mark.parametrize("config", [BASIC, MINIMAL, {"dicom": {"keepList": {"tags": []}}}])
def test_the_profile_of_an_image_and_of_an_optical_path_says_nothing(deidentify, config):
    dataset, path = Dataset(), Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    dataset.ICCProfile = path.ICCProfile = WORDY + bytes(len(WORDY) % 2)
    dataset.OpticalPathSequence = [path]
    scrubbed, new, _ = deidentify(config, dataset)
    assert b"Smithers" not in scrubbed.content
    assert colours(new.ICCProfile) == colours(WORDY)
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == "00282000" and not finding.path]
    assert finding.action is Action.CLEANED


def test_a_profile_that_cannot_be_read_is_emptied_where_no_class_asks_for_it(deidentify):
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.ICCProfile = b"by Dr. John Smithers"
    assert deidentify(BASIC, dataset)[1].ICCProfile is None


@pytest.mark.parametrize("sop_class", [SLIDE, COLOR_PRESENTATION])
@pytest.mark.parametrize("config", [BASIC, MINIMAL])
def test_a_profile_that_must_be_there_and_cannot_be_read_becomes_srgb(deidentify, config, sop_class):
    dataset, path = Dataset(), Dataset()
    dataset.SOPClassUID, unread = sop_class, b"by Dr. John Smithers"
    if sop_class == SLIDE:
        path.ICCProfile, dataset.OpticalPathSequence = unread, [path]
    else:
        dataset.ICCProfile = unread
    scrubbed, new, _ = deidentify(config, dataset)
    made = new.OpticalPathSequence[0].ICCProfile if sop_class == SLIDE else new.ICCProfile
    assert b"Smithers" not in scrubbed.content
    assert colours(made) == colours(profile())
    assert without_texts(made) == made
    assert made[12:16] == b"scnr"
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == "00282000"]
    assert finding.action is Action.RESET


def test_a_reset_profile_is_one(deidentify):
    dataset = Dataset()
    dataset.ICCProfile = WORDY + bytes(len(WORDY) % 2)
    reset = {"dicomTagConfig": {"actions": [{"queries": ["ICCProfile"], "resetTag": {}}]}}
    assert colours(deidentify(reset, dataset)[1].ICCProfile) == colours(profile())


def test_of_tag_contents_what_is_found_is_written_over(deidentify):
    dataset = Dataset()
    dataset.ICCProfile = profile((b"dmnd", described(b"calibrated by Dr. John Smithers"))) + b"\0"
    new = deidentify(CONTENTS, dataset)[1]
    assert b"Smithers" not in new.ICCProfile
    assert b"calibrated by Dr. " in new.ICCProfile
    assert b"Smithers" in deidentify({"dicom": {"filterProfile": "KEEP_ALL_PROFILE"}}, dataset)[1].ICCProfile
