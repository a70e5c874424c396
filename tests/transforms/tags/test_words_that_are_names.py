"""A patient who is called like a word of imaging: the name goes from texts, and what the standard calls so stays."""

import pytest
from pydicom.dataset import Dataset

CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
BASIC = {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}


def source(name: str) -> Dataset:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID = name, "MRN00482913"
    return dataset


@pytest.mark.parametrize("config", [CONTENTS, BASIC])
@pytest.mark.parametrize("name", ["Head^Ann", "Chest^May", "Brown^Ann", "Pancreas^Moss"])
@pytest.mark.parametrize(("keyword", "text"), [("ReceiveCoilName", "{}"), ("DetectorMode", "for {}, today"), ("AcquisitionContrast", "{}")])
def test_the_name_goes_where_any_word_may_stand(deidentify, config, name, keyword, text):
    dataset, family = source(name), name.split("^")[0]
    setattr(dataset, keyword, text.format(family.upper()))
    _, new, holds = deidentify(config, dataset)
    assert family.upper() not in (new.get(keyword) or "")
    assert holds == ()


@pytest.mark.parametrize("config", [CONTENTS, BASIC])
def test_the_word_stays_where_the_standard_or_a_maker_says_it(deidentify, config):
    dataset = source("Head^Ann")
    dataset.BodyPartExamined, dataset.OperatorsName, dataset.Manufacturer = "HEAD", "Siemens^Service", "SIEMENS"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "69536005", "SCT", "Head"
    dataset.AnatomicRegionSequence = [code]
    _, new, holds = deidentify(config, dataset)
    assert (new.BodyPartExamined, new.Manufacturer, new.AnatomicRegionSequence[0].CodeMeaning) == ("HEAD", "SIEMENS", "Head")
    assert holds == ()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("BodyPartExamined", "BROWN"), ("Manufacturer", "Brown"), ("BodyPartExamined", "ANN BROWN"), ("ImageType", ["ORIGINAL", "BROWN"])],
)
def test_what_is_no_word_of_imaging_is_a_name_there_too(deidentify, keyword, value):
    dataset = source("Brown^Ann")
    setattr(dataset, keyword, value)
    for config in (CONTENTS, BASIC):
        scrubbed, _, holds = deidentify(config, dataset)
        assert b"brown" not in scrubbed.content.lower()
        assert holds == ()


def test_the_meaning_of_a_code_of_ones_own_is_any_text(deidentify):
    dataset, code = source("Head^Ann"), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99ACME", "Head"
    dataset.AnatomicRegionSequence = [code]
    _, new, holds = deidentify(BASIC, dataset)
    assert "Head" not in new.AnatomicRegionSequence[0].get("CodeMeaning", "")
    assert holds == ()
