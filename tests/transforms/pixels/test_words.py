"""Words of more bits than their samples have: read as the header says, the same word all over a box, untouched beside it."""

import zlib

import imagecodecs
import jpeg_ls
import numpy as np
import openjpeg.utils
import pytest
import rle
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames

from transforms.model.errors import InstanceProblem
from transforms.model.records import BoxFinding
from transforms.model.syntaxes import DEFLATED_FRAMES, JPEG_XL, JPEG_XL_LOSSLESS
from transforms.pixels import jpeg2000
from transforms.pixels.redact import Canvas, canvas_of
from transforms.pixels.render import renderings

ROWS, COLUMNS = 64, 64
NATIVE = [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]
CODED = [
    uid.RLELossless,
    DEFLATED_FRAMES,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    JPEG_XL_LOSSLESS,
]
BOX = BoxFinding(0, 8, 4, 40, 20)
INSIDE = np.zeros((ROWS, COLUMNS), bool)
INSIDE[4:20, 8:40] = True


def coded(words: np.ndarray, syntax: str) -> bytes:
    """A frame of these 16-bit words, straight by the codec's own library; its stream knows of 16 bits and of no sign."""
    little = words.astype("<u2")
    if syntax == uid.RLELossless:
        return rle.encode_pixel_data(little.tobytes(), byteorder="<", rows=ROWS, columns=COLUMNS, samples_per_pixel=1, bits_allocated=16)
    if syntax == DEFLATED_FRAMES:
        coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return coder.compress(little.tobytes()) + coder.flush()
    if syntax in uid.JPEGLSTransferSyntaxes:
        return bytes(jpeg_ls.encode_buffer(little.tobytes(), ROWS, COLUMNS, 1, 16))
    if syntax in (uid.JPEG2000Lossless, uid.JPEG2000):
        return openjpeg.utils.encode_array(little, bits_stored=16, photometric_interpretation=0)
    if syntax in (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL):
        return bytes(imagecodecs.htj2k_encode(little, reversible=True))
    if syntax == JPEG_XL_LOSSLESS:
        return bytes(imagecodecs.jpegxl_encode(little, lossless=True))
    return bytes(imagecodecs.jpeg8_encode(little, lossless=True, predictor=1, bitspersample=16))


def words_in(value: bytes, syntax: str) -> np.ndarray:
    """The words of the one frame of a PixelData, by decoders that know nothing of the header."""
    if syntax in NATIVE:
        return np.frombuffer(value, ">u2" if syntax == uid.ExplicitVRBigEndian else "<u2").reshape(ROWS, COLUMNS)
    frame = next(generate_frames(value, number_of_frames=1))
    if syntax == uid.RLELossless:
        planes = rle.decode_pixel_data(frame, version=2, rows=ROWS, columns=COLUMNS, bits_allocated=16)
        return np.frombuffer(planes, "<u2").reshape(ROWS, COLUMNS)
    if syntax == DEFLATED_FRAMES:
        return np.frombuffer(zlib.decompress(frame, -zlib.MAX_WBITS), "<u2").reshape(ROWS, COLUMNS)
    if syntax in uid.JPEGLSTransferSyntaxes:
        return imagecodecs.jpegls_decode(frame)
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        return imagecodecs.ljpeg_decode(frame)
    if syntax == JPEG_XL_LOSSLESS:
        return imagecodecs.jpegxl_decode(frame)
    return imagecodecs.jpeg2k_decode(frame).astype("u2")


def instance(words: np.ndarray, syntax: str, signed: bool, stored: int, high: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", Dataset(), file_meta=meta)
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, stored, high, int(signed)
    if syntax in NATIVE:
        dataset.PixelData = words.astype(">u2" if syntax == uid.ExplicitVRBigEndian else "<u2").tobytes()
    else:
        dataset.PixelData = encapsulate([coded(words, syntax)])
        dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OW" if syntax in NATIVE else "OB"
    return dataset


def picture(signed: bool, seed: int = 0) -> np.ndarray:
    """Samples of 12 bits; half of those in the box have the lowest value there is, as what is written on black has."""
    low = -2048 if signed else 0
    samples = np.random.default_rng(seed).integers(low, low + 4096, (ROWS, COLUMNS))
    samples[INSIDE & (samples % 2 == 0)] = low
    return samples


def laid_out(samples: np.ndarray, form: str, high: int = 11) -> np.ndarray:
    """Words of samples of 12 bits below `high`, the bits above it as the form has them."""
    words = (samples & 0xFFF) << (high - 11)
    return words | (0x10000 - (1 << (high + 1))) * (samples < 0) if form == "sign-extended" else words


FORMS = [(False, "zero-extended"), (True, "zero-extended"), (True, "sign-extended")]


def reasons(canvas: Canvas) -> list[str]:
    """What went from the frames, other than the comment of the encoder that made them, and its way of coding."""
    coders = ("comment", "JPEG XL stream")
    return [found.reason for found in canvas.finish().findings if not any(word in found.reason for word in coders)]


@pytest.mark.parametrize("syntax", NATIVE + CODED)
@pytest.mark.parametrize(("signed", "form"), FORMS)
@pytest.mark.parametrize("high", [11, 13, 15])
def test_samples_are_read_by_the_header_and_clean_frames_stay(syntax, signed, form, high):
    samples = picture(signed)
    words = laid_out(samples, form, high)
    canvas = canvas_of(instance(words, syntax, signed, 12, high))
    np.testing.assert_array_equal(canvas.decoded(0).samples, samples)
    assert reasons(canvas) == []
    np.testing.assert_array_equal(words_in(encapsulate([canvas.frame(0)]), syntax) if syntax in CODED else words, words)


@pytest.mark.parametrize("syntax", NATIVE + CODED)
@pytest.mark.parametrize(("signed", "form"), FORMS)
@pytest.mark.parametrize("high", [11, 13])
@pytest.mark.parametrize("written", ["on black", "on white"])
def test_a_box_is_one_word_that_shows_black_and_every_other_word_stays(syntax, signed, form, high, written):
    samples = picture(signed)
    if written == "on white":
        samples = (-1 if signed else 4095) - samples
    words = laid_out(samples, form, high)
    canvas = canvas_of(instance(words, syntax, signed, 12, high))
    canvas.fill(0, [BOX])
    assert reasons(canvas) == []
    after = words_in(canvas.finish().pixel_data, syntax)
    np.testing.assert_array_equal(after[~INSIDE], words[~INSIDE])
    assert np.unique(after[INSIDE]).tolist() == [laid_out(samples.min(), form, high)]


@pytest.mark.parametrize("syntax", NATIVE + CODED)
@pytest.mark.parametrize(("signed", "form"), FORMS)
@pytest.mark.parametrize(("high", "plane"), [(11, 1 << 14), (13, 1 << 14), (13, 1), (15, 1 << 3)])
def test_a_plane_beside_the_samples_goes_from_every_lossless_frame(syntax, signed, form, high, plane):
    samples = picture(signed)
    words = laid_out(samples, form, high)
    dataset = instance(np.where(INSIDE, words ^ plane, words), syntax, signed, 12, high)
    canvas = canvas_of(dataset)
    np.testing.assert_array_equal(canvas.decoded(0).samples, samples)
    assert reasons(canvas) == ["Matched Expression: bits outside BitsStored (1 frame)"]
    shown = laid_out(samples, "sign-extended" if signed and plane > 1 << high else form, high)
    np.testing.assert_array_equal(words_in(canvas.finish().pixel_data, syntax), shown)


LOSSY = [uid.JPEG2000, uid.HTJ2K, uid.JPEGLSNearLossless, JPEG_XL]


def lossy(words: np.ndarray, syntax: str) -> bytes:
    """A frame of these words, coded with loss."""
    little = words.astype("<u2")
    if syntax == uid.JPEG2000:
        return openjpeg.utils.encode_array(little, bits_stored=16, photometric_interpretation=0, signal_noise_ratios=[70])
    if syntax == uid.HTJ2K:
        return bytes(imagecodecs.htj2k_encode(little, 1 / 4096, reversible=False))
    if syntax == JPEG_XL:
        return bytes(imagecodecs.jpegxl_encode(little, distance=0.5))
    return bytes(jpeg_ls.encode_buffer(little.tobytes(), ROWS, COLUMNS, 1, 16, lossy_error=3))


@pytest.mark.parametrize("syntax", LOSSY)
@pytest.mark.parametrize("high", [11, 13])
def test_in_a_lossy_frame_bits_beside_the_samples_are_searched_and_the_samples_without_them(syntax, high):
    """They may be errors of coding, so that they cannot be taken out; nothing of what they show may be left out of the search."""
    shade = np.where(INSIDE, 0xFFF, 0) << (high - 11)
    dataset = instance(np.zeros((ROWS, COLUMNS)), uid.RLELossless, False, 12, high)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([lossy(shade | 1 << 15, syntax)])
    canvas = canvas_of(dataset)
    decoded = canvas.decoded(0)
    assert decoded.samples.min() > 1 << 14
    np.testing.assert_array_equal(decoded.masked, decoded.samples >> (high - 11) & 0xFFF)
    whole, masked = (decoded._replace(samples=samples, masked=None) for samples in (decoded.samples, decoded.masked))
    seen = [*renderings(decoded, dataset, 0)]
    np.testing.assert_array_equal(seen, [*renderings(whole, dataset, 0), *renderings(masked, dataset, 0)])
    canvas.fill(0, [BOX])
    again = canvas.decoded(0)
    assert np.unique(again.samples[INSIDE]).size == np.unique(again.masked[INSIDE]).size == 1
    np.testing.assert_array_equal(again.samples[~INSIDE], decoded.samples[~INSIDE])


def test_a_reversible_stream_that_was_cut_off_at_some_rate_keeps_its_samples():
    """Nothing in it says so; its overshoots above BitsStored are no hidden bits."""
    noise = np.random.default_rng(1).integers(3900, 4096, (ROWS, COLUMNS))
    dataset = instance(noise, uid.RLELossless, False, 12, 11)
    dataset.file_meta.TransferSyntaxUID = uid.JPEG2000
    cut = bytes(imagecodecs.jpeg2k_encode(noise.astype("u2"), level=70, reversible=True, codecformat="j2k", bitspersample=16))
    assert jpeg2000.parameters(cut).reversible
    dataset.PixelData = encapsulate([cut])
    canvas = canvas_of(dataset)
    before = imagecodecs.jpeg2k_decode(cut)
    assert before.max() > 4095
    np.testing.assert_array_equal(canvas.decoded(0).samples, before)
    assert reasons(canvas) == []


@pytest.mark.parametrize(("syntax", "signed", "high"), [(JPEG_XL, False, 13), (JPEG_XL, True, 11), (uid.JPEG2000, False, 11)])
def test_bits_beside_the_samples_in_boxes_alone_do_not_keep_them_from_being_coded_again(syntax, signed, high):
    words = laid_out(picture(signed), "zero-extended", high)
    dataset = instance(words, uid.RLELossless, signed, 12, high)
    dataset.file_meta.TransferSyntaxUID = syntax
    written = np.where(INSIDE, words | 1 << (15 if not signed else 14), words)
    like = JPEG_XL_LOSSLESS if syntax == JPEG_XL else uid.JPEG2000Lossless
    dataset.PixelData = encapsulate([coded(written.astype("u2"), like)])
    canvas = canvas_of(dataset)
    canvas.fill(0, [BOX])
    after = words_in(canvas.finish().pixel_data, like)
    assert np.unique(after[INSIDE]).size == 1
    np.testing.assert_array_equal(after[~INSIDE], words[~INSIDE])


@pytest.mark.parametrize(("allocated", "stored", "high"), [(8, 8, 7), (16, 8, 16 - 1)])
def test_a_stream_deeper_than_its_header_is_refused(allocated, stored, high):
    """What a reader would show of it is anyone's guess."""
    text = np.where(INSIDE, 250, 20) | np.random.default_rng(1).integers(0, 16, (ROWS, COLUMNS)) << 8
    for syntax, depth in ((JPEG_XL_LOSSLESS, 12), (uid.JPEG2000Lossless, 12)):
        dataset = instance(text, uid.RLELossless, False, stored, high)
        dataset.BitsAllocated, dataset.file_meta.TransferSyntaxUID = allocated, syntax
        deep = text.astype("<u2")
        if syntax == JPEG_XL_LOSSLESS:
            stream = bytes(imagecodecs.jpegxl_encode(deep, lossless=True, bitspersample=depth))
        else:
            stream = openjpeg.utils.encode_array(deep, bits_stored=depth, photometric_interpretation=0)
        dataset.PixelData = encapsulate([stream])
        with pytest.raises(InstanceProblem, match="BAD_PIXEL_DESCRIPTION"):
            canvas_of(dataset).decoded(0)


@pytest.mark.parametrize(("signed", "form"), FORMS)
@pytest.mark.parametrize(("high", "plane"), [(11, 1 << 14), (13, 1), (15, 1 << 3)])
def test_a_frame_that_was_coded_without_loss_in_a_lossy_syntax_loses_what_is_beside_its_samples(signed, form, high, plane):
    syntax, like = uid.JPEGLSNearLossless, uid.JPEGLSLossless
    samples = picture(signed)
    words = laid_out(samples, form, high)
    dataset = instance(np.where(INSIDE, words ^ plane, words), like, signed, 12, high)
    dataset.file_meta.TransferSyntaxUID = syntax
    canvas = canvas_of(dataset)
    assert canvas.decoded(0).masked is None
    np.testing.assert_array_equal(canvas.decoded(0).samples, samples)
    assert reasons(canvas) == ["Matched Expression: bits outside BitsStored (1 frame)"]
    result = canvas.finish()
    assert result.lossy is None
    shown = laid_out(samples, "sign-extended" if signed and plane > 1 << high else form, high)
    np.testing.assert_array_equal(words_in(result.pixel_data, like), shown)


@pytest.mark.parametrize("syntax", NATIVE + CODED)
def test_negative_samples_of_a_frame_have_one_form(syntax):
    """Copies of the sign here and zeros there are letters to whoever looks at the upper bits."""
    samples = picture(signed=True)
    mixed = np.where(INSIDE, laid_out(samples, "sign-extended"), laid_out(samples, "zero-extended"))
    canvas = canvas_of(instance(mixed, syntax, True, 12, 11))
    assert reasons(canvas) == ["Matched Expression: bits outside BitsStored (1 frame)"]
    np.testing.assert_array_equal(words_in(canvas.finish().pixel_data, syntax), laid_out(samples, "sign-extended"))
