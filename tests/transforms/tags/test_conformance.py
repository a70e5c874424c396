"""dciodvfy shows no error on an output that it does not show on the source, for real files under every profile."""

import subprocess

import pytest

from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.model.records import PixelResult, PixelSearch, SecondLook
from transforms.tags.scrubber import Scrubber

FILES = """
    693_J2KI.dcm 693_UNCR.dcm CT_small.dcm J2K_pixelrep_mismatch.dcm JPEG-lossy.dcm JPEG2000.dcm JPGExtended.dcm
    MR-SIEMENS-DICOM-WithOverlays.dcm MR2_J2KR.dcm MR_small.dcm MR_small_bigendian.dcm MR_small_implicit.dcm
    MR_small_padded.dcm MR_small_RLE.dcm OBXXXX1A.dcm OBXXXX1A_rle_2frame.dcm OT-PAL-8-face.dcm RG1_J2KR.dcm
    RG3_UNCI.dcm SC_rgb_16bit_2frame.dcm SC_rgb_gdcm_KY.dcm SC_rgb_jls_lossy_line.dcm SC_rgb_jpeg_gdcm.dcm
    SC_ybr_full_422_uncompressed.dcm US1_UNCR.dcm badVR.dcm color-pl.dcm color3d_jpeg_baseline.dcm eCT_Supplemental.dcm
    emri_small.dcm emri_small_jpeg_ls_lossless.dcm examples_jpeg2k.dcm examples_overlay.dcm examples_palette.dcm
    gdcm-US-ALOKA-16.dcm liver_1frame.dcm mlut_18.dcm vlut_04.dcm explicit_VR-UN.dcm reportsi.dcm rtdose_1frame.dcm
    rtplan.dcm rtstruct.dcm test-SR.dcm waveform_ecg.dcm
""".split()

PROFILES = [profile for profile in Profile if profile is not Profile.KEEP_LIST]
"""A keep list may leave out whatever it likes."""

RETAINED = frozenset({Option.UIDS, Option.DEVICE, Option.INSTITUTION, Option.CHARACTERISTICS, Option.FULL_DATES, Option.SAFE_PRIVATE})
CLEANED = frozenset({Option.DESCRIPTORS, Option.STRUCTURED, Option.GRAPHICS})
MODIFIED = CLEANED | {Option.MODIFIED_DATES, Option.CHARACTERISTICS}

CLEAN = PixelResult(search=PixelSearch.DEFAULT, all_text=True, second_look=SecondLook.CLEAN)
"""What a run without options comes to. Samples that were searched less leave out BurnedInAnnotation, of which Enhanced CT and MR know
only NO (`test_headers`): the one error that an output may have and its source had not."""


@pytest.mark.servers
@pytest.mark.parametrize("name", FILES)
def test_an_output_has_no_error_that_the_source_did_not_have(real_file, scrub, new_errors, name):
    source = real_file(name).read_bytes()
    for profile in PROFILES:
        assert new_errors(source, scrub(source, profile, pixels=CLEAN)[0].content) == set(), profile


@pytest.mark.servers
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("options", [RETAINED, CLEANED, MODIFIED], ids=["retained", "cleaned", "modified"])
def test_options_bring_no_error_either(real_file, opened, secret, new_errors, name, options):
    source = real_file(name).read_bytes()
    plan = ActionPlan(Profile.BASIC, Option.UIDS in options, ALL_TEXT, options=options)
    assert new_errors(source, Scrubber(plan, secret).scrub(opened(source, CLEAN)).content) == set()


@pytest.mark.servers
@pytest.mark.parametrize("name", ["CT_small.dcm", "eCT_Supplemental.dcm", "rtplan.dcm", "test-SR.dcm", "waveform_ecg.dcm"])
@pytest.mark.parametrize("option", list(Option))
def test_each_option_alone_is_sound_to_three_tools(real_file, opened, secret, new_errors, tmp_path, name, option):
    source, output = real_file(name).read_bytes(), tmp_path / "alone.dcm"
    plan = ActionPlan(Profile.BASIC, option is Option.UIDS, ALL_TEXT, options=frozenset({option}))
    output.write_bytes(Scrubber(plan, secret).scrub(opened(source, CLEAN)).content)
    assert new_errors(source, output.read_bytes()) == set()
    for tool in (["dcmdump", "-q"], ["gdcminfo"]):
        of_output, of_source = (subprocess.run([*tool, str(f)], capture_output=True, check=False) for f in (output, real_file(name)))
        assert (of_output.returncode, of_output.stderr) in ((0, b""), (of_source.returncode, of_source.stderr)), tool


@pytest.mark.servers
@pytest.mark.parametrize("name", ["image_dfl.dcm", "emri_small_big_endian.dcm", "SC_rgb_jpeg_dcmtk.dcm", "explicit_VR-UN.dcm"])
def test_dcmtk_reads_every_output(real_file, scrub, tmp_path, name):
    for profile in PROFILES:
        output = tmp_path / f"{profile}.dcm"
        output.write_bytes(scrub(real_file(name).read_bytes(), profile)[0].content)
        dump = subprocess.run(["dcmdump", "-q", str(output)], capture_output=True, check=False)
        assert (dump.returncode, dump.stderr) == (0, b"")
