"""Deflated Image Frame Compression: each frame is a deflated native frame; read, redacted and cleaned like any other (PS3.5 A.4.13)."""

import contextlib
import copy
import datetime as dt
import io
import zlib

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID

from transforms.model.config import SAFE_CONFIG
from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose
from transforms.model.records import BoxFinding, InstanceRef, PixelSearch
from transforms.model.resolve import resolve
from transforms.model.syntaxes import DEFLATED_FRAMES
from transforms.pixels import codecs, deflated, streams
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.redact import canvas_of
from transforms.pixels.redactor import redactor_of
from transforms.proof.prover import Prover
from transforms.read.open import open_instance
from transforms.tags.scrubber import Scrubber

NATIVE = ["MR_small.dcm", "SC_rgb.dcm", "color-pl.dcm", "SC_rgb_16bit_2frame.dcm", "liver.dcm", "OBXXXX1A_2frame.dcm", "rtdose.dcm"]
PHI = b"DOE^JANE 1970-01-31"


def raw(samples: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(samples) + coder.flush()


def deflate_frames(dataset: FileDataset) -> FileDataset:
    """The same instance in the syntax, as it comes out of a file."""
    native = locate(dataset, PixelDescription.from_dataset(dataset))
    new = copy.deepcopy(dataset)
    new.PixelData = encapsulate([raw(native.frame(index)) for index in range(native.description.frames)])
    new["PixelData"].VR, new["PixelData"].is_undefined_length = "OB", True
    new.file_meta.TransferSyntaxUID = DEFLATED_FRAMES
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, new, implicit_vr=False, little_endian=True, force_encoding=True)
    return pydicom.dcmread(io.BytesIO(buffer.getvalue()))


def decoded(dataset: FileDataset) -> list[np.ndarray]:
    description = PixelDescription.from_dataset(dataset)
    frames = locate(dataset, description)
    return [codecs.decode(frames.frame(index), description).samples for index in range(description.frames)]


@pytest.mark.parametrize("name", NATIVE)
def test_frames_are_the_native_ones_and_a_box_changes_nothing_beside_it(real_file, name):
    native = pydicom.dcmread(real_file(name))
    dataset = deflate_frames(native)
    before = decoded(dataset)
    np.testing.assert_array_equal(before, decoded(native))
    canvas, last = canvas_of(dataset), len(before) - 1
    box = BoxFinding(last, 3, 2, dataset.Columns // 2, dataset.Rows // 2)
    canvas.fill(last, [box])
    old = list(generate_frames(dataset.PixelData, number_of_frames=last + 1))
    result = canvas.finish()
    assert result.lossy is None
    dataset.PixelData = result.pixel_data
    assert list(generate_frames(dataset.PixelData, number_of_frames=last + 1))[:last] == old[:last]
    after = decoded(dataset)[last]
    outside = np.ones(after.shape[:2], bool)
    outside[box.top : box.bottom, box.left : box.right] = False
    np.testing.assert_array_equal(after[outside], before[last][outside])
    assert len(np.unique(after[~outside].reshape((~outside).sum(), -1), axis=0)) == 1


def described(real_file) -> tuple[PixelDescription, bytes]:
    """A frame of 12 bits in 16, and what is said of it."""
    dataset = pydicom.dcmread(real_file("MR-SIEMENS-DICOM-WithOverlays.dcm"))
    dataset.file_meta.TransferSyntaxUID = DEFLATED_FRAMES
    return PixelDescription.from_dataset(dataset), bytes(dataset.PixelData)


def test_bytes_behind_the_stream_go_and_one_of_padding_stays(real_file):
    description, samples = described(real_file)
    frame = raw(samples)
    assert deflated.clean(frame, description) == (frame, ())
    assert deflated.clean(frame + b"\0", description) == (frame + b"\0", ())
    assert deflated.clean(frame + PHI, description) == (frame, ("bytes after the end of the deflated frame",))


def test_bits_outside_the_stored_ones_go(real_file):
    description, samples = described(real_file)
    assert (description.bits_stored, description.bits_allocated) == (12, 16)
    hiding = np.frombuffer(samples, "<u2") | np.uint16(0x8000)
    cleaned, kinds = streams.clean(raw(hiding.tobytes()), description)
    assert kinds == ("bits outside BitsStored",)
    assert zlib.decompress(cleaned, wbits=-15) == samples


@pytest.mark.parametrize("change", [lambda samples: samples[:-2], lambda samples: samples + PHI, lambda samples: samples + b"\1"])
def test_a_frame_of_another_size_than_the_header_says_is_refused(real_file, change):
    description, samples = described(real_file)
    with pytest.raises(InstanceProblem) as raised:
        deflated.clean(raw(change(samples)), description)
    assert raised.value.code == "BAD_STREAM"


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.tuples(st.binary(max_size=9), st.binary(max_size=9)).map(lambda two: raw(two[0]) + two[1])))
def test_any_bytes_are_a_stream_or_a_problem(content):
    description = PixelDescription(DEFLATED_FRAMES, 2, 3, 1, "MONOCHROME2", 8, 8, 7, False, 0, 1)
    with contextlib.suppress(InstanceProblem):
        cleaned, _ = deflated.clean(content, description)
        assert zlib.decompress(cleaned, wbits=-15)[:6] == deflated.inflated(content, description)


def test_an_instance_goes_the_whole_way_and_keeps_its_syntax(real_file, secret):
    dataset = pydicom.dcmread(real_file("MR_small.dcm"))
    letters = cv2.putText(np.zeros((128, 256), np.uint8), "KOWALSKI", (12, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 200, 2)
    dataset.Rows, dataset.Columns, dataset.PixelData = 128, 256, letters.astype("<i2").tobytes()
    buffer = io.BytesIO()
    deflate_frames(dataset).save_as(buffer)
    plan = resolve(SAFE_CONFIG)
    opened = open_instance(InstanceRef("0" * 16, "/x", 0), buffer.getvalue(), secret.purpose(Purpose.UID), dt.datetime.now(dt.UTC))
    redacted = redactor_of(plan.image, PixelSearch.FAST).redact(opened)
    proven = Prover(plan).prove(Scrubber(plan, secret).scrub(redacted))
    published = pydicom.dcmread(io.BytesIO(proven.content))
    assert published.file_meta.TransferSyntaxUID == UID("1.2.840.10008.1.2.8.1")
    assert redacted.pixels.boxes
    assert not decoded(published)[0].any()
    assert not proven.holds
