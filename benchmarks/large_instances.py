"""Memory and CPU of large multi-frame instances on their way from a file to a file, each in a process of its own.

    PYTHONPATH=. python benchmarks/large_instances.py [--case NAME ...] [--text_search fast|default|strict]

A case is a number of frames with a name written on each, in one transfer syntax. They go through the stages of a run (read, redact,
scrub, prove, write) under REDACT_ALL_TEXT. Every frame is redacted and coded again. All frames of a case are equal, so that text
is found and read once: what is measured is the frames' way, not the search. `peak` is the process's largest resident memory, the 150 to
250 MB of its libraries included; `decoded` is the size of the samples, `file` that of the source; `CPU` is of user and system, in seconds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import imagecodecs
import numpy as np
import pydicom
import rle
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate_extended
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, HTJ2KLossless, JPEG2000Lossless, RLELossless

from transforms.model.config import SAFE_CONFIG
from transforms.model.keys import Purpose, Secret
from transforms.model.records import InstanceRef, PixelSearch
from transforms.model.resolve import resolve
from transforms.pixels.redactor import redactor_of
from transforms.pixels.templates import Template
from transforms.proof.prover import Prover
from transforms.read.open import open_instance, read_content
from transforms.tags.scrubber import Scrubber
from transforms.write.local import publish

LAYOUT = Template("benchmark", (("Modality", ("ct",)),), ((4, 4, 250, 60),))
"""A box in every frame, so that what is measured does not hang on what a search finds."""
SECRET = Secret(b"benchmark".ljust(32, b"."))


class Case(NamedTuple):
    """Frames of 16 bits, side by side samples, with the window of the CT they show."""

    frames: int
    side: int
    syntax: str


CASES = {
    "1,000 frames of 512x512, RLE": Case(1000, 512, RLELossless),
    "1,000 frames of 512x512, native": Case(1000, 512, ExplicitVRLittleEndian),
    "1,000 frames of 512x512, deflated": Case(1000, 512, DeflatedExplicitVRLittleEndian),
    "200 frames of 512x512, JPEG 2000": Case(200, 512, JPEG2000Lossless),
    "3 frames of 8192x8192, native": Case(3, 8192, ExplicitVRLittleEndian),
    "2 GB (1,000 frames of 1024x1024), native": Case(1000, 1024, ExplicitVRLittleEndian),
    "2 GB inflated (1,000 frames of 1024x1024), deflated": Case(1000, 1024, DeflatedExplicitVRLittleEndian),
    "2 GB decoded (1,000 frames of 1024x1024), HTJ2K": Case(1000, 1024, HTJ2KLossless),
    "2 GB decoded (1,000 frames of 1024x1024), RLE": Case(1000, 1024, RLELossless),
}


def picture(side: int) -> NDArray[np.uint16]:
    """A real CT slice enlarged to the frame, with a name in its corner."""
    path = get_testdata_file("693_UNCR.dcm", download=False)
    if path is None:
        raise SystemExit("693_UNCR.dcm is not installed: pip install pydicom-data")
    anatomy = pydicom.dcmread(str(path)).pixel_array.astype(np.int32)
    frame = cv2.resize((anatomy - anatomy.min()).astype(np.uint16), (side, side))
    frame[: side // 8, : side // 2] = 0
    ink = np.zeros((side, side), np.uint8)
    cv2.putText(ink, "KOWALSKI JAN", (12, side // 12), cv2.FONT_HERSHEY_SIMPLEX, side / 700, 1, 2)
    return np.asarray(np.where(ink, frame.max(), frame), np.uint16)


def make(case: Case, path: Path) -> None:
    """Write the source of a case."""
    samples = picture(case.side)
    dataset = pydicom.dcmread(str(get_testdata_file("693_UNCR.dcm", download=False)))
    dataset.Rows = dataset.Columns = case.side
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.NumberOfFrames, dataset.file_meta.TransferSyntaxUID = case.frames, case.syntax
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        if keyword in dataset:
            delattr(dataset, keyword)
    if case.syntax in (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        dataset.PixelData = samples.astype("<u2").tobytes() * case.frames
    else:
        encapsulate_into(dataset, coded(samples, case), case.frames)
    dataset.save_as(path)


def coded(samples: NDArray[np.uint16], case: Case) -> bytes:
    """One frame in the transfer syntax of the case."""
    if case.syntax == HTJ2KLossless:
        return bytes(imagecodecs.htj2k_encode(samples, reversible=True, tlm=True))
    if case.syntax == JPEG2000Lossless:
        return bytes(imagecodecs.jpeg2k_encode(samples, reversible=True, codecformat="j2k"))
    plain = samples.astype("<u2").tobytes()
    return bytes(rle.encode_pixel_data(plain, byteorder="<", rows=case.side, columns=case.side, samples_per_pixel=1, bits_allocated=16))


def encapsulate_into(dataset: Dataset, frame: bytes, frames: int) -> None:
    """The frame as often as asked for, with an extended offset table."""
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended([frame] * frames)
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"


def run(source: Path, target: Path, strength: PixelSearch) -> None:
    """One instance through all stages; prints seconds of CPU, peak memory in bytes, and the boxes."""
    plan = resolve(SAFE_CONFIG)
    redactor, scrubber, prover = redactor_of(plan.image, strength, templates=(LAYOUT,)), Scrubber(plan, SECRET), Prover(plan)
    start = time.process_time()
    reference = InstanceRef("0" * 16, str(source), source.stat().st_size)
    opened = open_instance(reference, read_content(str(source), reference.size), SECRET.purpose(Purpose.UID), dt.datetime.now(dt.UTC))
    proven = prover.prove(scrubber.scrub(redactor.redact(opened)))
    publish(target, proven.content)
    print(time.process_time() - start, peak_memory(), len(proven.opened.pixels.boxes), ",".join(hold.code for hold in proven.holds) or "-")


def peak_memory() -> int:
    """Largest resident memory of this process in bytes; `ru_maxrss` would tell that of the process which started it, if it was larger."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--text_search", type=PixelSearch, default=PixelSearch.FAST)
    parser.add_argument("--run", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(*options.run, options.text_search)
        return
    print(f"{'case':50} {'decoded':>9} {'file':>9} {'peak':>9} {'CPU':>8} {'boxes':>6} held")
    for name in options.case:
        case = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "source.dcm"), Path(folder, "target.dcm")
            make(case, source)
            command = [sys.executable, __file__, "--text_search", options.text_search, "--run", str(source), str(target)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
            seconds, peak, boxes, held = done.stdout.split()
            decoded, size = case.frames * case.side**2 * 2, source.stat().st_size
            told = f"{decoded / 1e6:6.0f} MB {size / 1e6:6.0f} MB {int(peak) / 1e6:6.0f} MB {float(seconds):8.0f} {boxes:>6} {held}"
            print(f"{name:50} {told}", flush=True)


if __name__ == "__main__":
    main()
