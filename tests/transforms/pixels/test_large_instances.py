"""An instance larger than memory may hold goes through all stages a frame at a time; every byte outside its boxes stays."""

import subprocess
import sys

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate_extended, generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from transforms.pixels.codecs import CODECS
from transforms.pixels.description import PixelDescription

FRAMES, SIDE = 64, 512
ROOM = 28 << 20
"""Bytes of memory that an instance of 32 MB may take on its way where content is large from 4 MB on; each syntax takes 11 to 19."""
RUN = """
from transforms.model import large
large.LARGE, large.PIECE = 4 << 20, 1 << 20  # before anybody takes them over
import datetime as dt, sys
from pathlib import Path
from transforms.model.config import SAFE_CONFIG
from transforms.model.keys import Purpose, Secret
from transforms.model.records import BoxFinding, InstanceRef
from transforms.model.resolve import resolve
from transforms.pixels.redact import canvas_of
from transforms.proof.prover import Prover
from transforms.read.open import open_instance, read_content
from transforms.tags.scrubber import Scrubber
from transforms.write.local import publish
import dataclasses

source, target = map(Path, sys.argv[1:])
plan, secret = resolve(SAFE_CONFIG), Secret(b"k" * 32)

def run(source, target):
    reference = InstanceRef("0" * 16, str(source), source.stat().st_size)
    opened = open_instance(reference, read_content(str(source), reference.size), secret.purpose(Purpose.UID), dt.datetime.now(dt.UTC))
    canvas = canvas_of(opened.dataset)
    for frame in range(canvas.description.frames):
        if frame % 2:
            canvas.fill(frame, [BoxFinding(frame, 10, 20, 200, 90)])
        canvas.decoded(frame)
    proven = Prover(plan).prove(Scrubber(plan, secret).scrub(dataclasses.replace(opened, pixels=canvas.finish())))
    publish(target, proven.content)
    assert not proven.holds, proven.holds

def peak():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024

before = peak()
run(source, target)
print(peak() - before)
"""


def source(path, syntax):
    """One picture of noise, that no codec makes smaller, and as many frames of it."""
    order, name = (">", "MR_small_bigendian.dcm") if syntax == ExplicitVRBigEndian else ("<", "MR_small.dcm")
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file(name, download=False))
    samples = np.random.default_rng(1).integers(0, 1 << 16, (SIDE, SIDE)).astype(f"{order}u2")
    dataset.Rows = dataset.Columns = SIDE
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.NumberOfFrames, dataset.file_meta.TransferSyntaxUID = FRAMES, syntax
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        dataset.pop(keyword, None)
    if syntax == RLELossless:
        coded = CODECS[RLELossless].encode(samples, b"", described(dataset)).data
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended([coded] * FRAMES)
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.PixelData = samples.tobytes() * FRAMES
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path)
    return samples.astype("<u2")


def described(dataset):
    return PixelDescription(RLELossless, SIDE, SIDE, 1, "MONOCHROME2", 16, 16, 15, False, 0, FRAMES)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless])
def test_a_large_instance_is_never_in_memory_as_a_whole(tmp_path, syntax):
    before = source(tmp_path / "source.dcm", syntax)
    command = [sys.executable, "-c", RUN, str(tmp_path / "source.dcm"), str(tmp_path / "target.dcm")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < ROOM
    result = pydicom.dcmread(tmp_path / "target.dcm")
    assert result.file_meta.TransferSyntaxUID == syntax
    redacted = before.copy()
    redacted[20:90, 10:200] = before.min()
    for number, frame in enumerate(frames_of(result)):
        np.testing.assert_array_equal(frame, redacted if number % 2 else before)
    assert number == FRAMES - 1


def frames_of(result):
    if result.file_meta.TransferSyntaxUID == RLELossless:
        tables = (result.ExtendedOffsetTable, result.ExtendedOffsetTableLengths)
        for coded in generate_frames(result.PixelData, number_of_frames=FRAMES, extended_offsets=tables):
            yield CODECS[RLELossless].decode(coded, described(result)).samples
        return
    order = ">" if result.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else "<"
    yield from np.frombuffer(result.PixelData, f"{order}u2").reshape(FRAMES, SIDE, SIDE)
