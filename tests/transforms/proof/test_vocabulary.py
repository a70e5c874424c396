"""The terms that excuse a word are the standard's own, by tools and tables that others made of it; a maker's word is none."""

import json
import subprocess
from importlib import resources

import pytest
from highdicom.sr import ValueTypeValues
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    MRImageStorage,
    NuclearMedicineImageStorage,
    RTImageStorage,
    UltrasoundImageStorage,
    XRayAngiographicImageStorage,
)

from transforms.proof.vocabulary import DEFINED, IMAGE_TYPES

from .conftest import part10

CLASSES = {
    "C.7.6.1.1.2": ComputedRadiographyImageStorage,
    "C.8.2.1.1.1": CTImageStorage,
    "C.8.3.1.1.1": MRImageStorage,
    "C.8.4.9.1.1": NuclearMedicineImageStorage,
    "C.8.5.6.1.1": UltrasoundImageStorage,
    "C.8.7.1.1.1": XRayAngiographicImageStorage,
    "C.8.8.2.1": RTImageStorage,
    "C.8.11.7.1.4": DigitalMammographyXRayImageStorageForPresentation,
    "C.8.16.1": EnhancedCTImageStorage,
    "C.8.15.3.1.1": EnhancedCTImageStorage,
    "C.8.13.3.1.1": EnhancedMRImageStorage,
}
"""A class whose Image Type dciodvfy judges by that place; it does not judge that of slides (C.8.12.4.1.1)."""
NO_TERM = "ZZZ"
MAKERS_OWN = (
    "CORONAL SAGITTAL REFORMATTED AVERAGE MIP MINIP M P TRACE FA CBF CBV WATER FAT IN_PHASE OUT_OF_PHASE SCREENING DMS TRANSESOPHAGEAL"
)
SINCE_CID_33 = {"ANN", "RTINTENT", "RTRAD", "RTSEGANN", "XAPROTOCOL"}
"""Modalities of PS3.3 C.7.3.1.1.1 that context group 33 leaves out (Supplements 147, 212 and 222)."""


@pytest.fixture
def refused(tmp_path):
    """A function from a class and Image Type to the numbers of the values in which dciodvfy knows no such term."""

    def ask(sop_class, image_type):
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.ImageType = sop_class, "1.2.3", image_type
        file = tmp_path / "asked.dcm"
        file.write_bytes(part10(dataset))
        said = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False).stderr.splitlines()
        of_type = [line for line in said if "ImageType(0008,0008)[" in line and "Unrecognized" in line]
        return {line.partition("ImageType(0008,0008)[")[2].partition("]")[0] for line in of_type}

    return ask


@pytest.mark.servers("dciodvfy")
@pytest.mark.parametrize("place", CLASSES)
def test_each_term_of_image_type_is_defined_where_it_is_said_to_be(refused, place):
    asked_about = refused(CLASSES[place], [NO_TERM] * 4)
    assert asked_about
    terms = [term.strip() for term in IMAGE_TYPES[place].split(",")]
    assert [term for term in terms if refused(CLASSES[place], [term] * 4) == asked_about] == []


def test_slides_are_the_only_place_that_no_tool_was_asked_about():
    assert IMAGE_TYPES.keys() - CLASSES.keys() == {"C.8.12.4.1.1"}


def test_body_parts_are_those_of_annex_l():
    annex_l = json.loads(resources.files("highdicom._standard").joinpath("anatomic_regions.json").read_text())
    assert DEFINED["BodyPartExamined"] <= {term.casefold() for term in annex_l}


def test_modalities_are_those_of_the_context_groups():
    of_group = {value for codes in concepts["DCM"].values() for value, (_, groups) in codes.items() if {29, 33} & set(groups)}
    assert {"CT", "MR", "SEG"} <= of_group
    assert {term.upper() for term in DEFINED["Modality"]} - of_group == SINCE_CID_33


def test_value_types_are_those_of_content_items():
    assert {term.upper() for term in DEFINED["ValueType"]} - {value.value for value in ValueTypeValues} == {"NUMERIC", "TABLE"}


@pytest.mark.parametrize("word", MAKERS_OWN.split())
def test_a_makers_own_word_excuses_nobody(word):
    assert word.casefold() not in DEFINED["ImageType"] | DEFINED["FrameType"]
