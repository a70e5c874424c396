"""A name is never left for its bytes being of another character set than the one that is stated, or of none (PS3.5 6.1)."""

import json

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from transforms.model.config import parse_config
from transforms.model.resolve import resolve
from transforms.proof.prover import Prover
from transforms.tags.scrubber import Scrubber

PEOPLE = {"gb18030": "张^小东", "utf-8": "张^小东", "big5": "張^小東", "euc_kr": "홍^길동", "shift_jis": "山^太郎"}
CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
DESCRIPTORS = {"dicomTagConfig": {"ps315Options": {"cleanDescriptors": True}}}


@pytest.fixture
def outcome(secret, opened, file_bytes):
    """A function from a config, the stated character set, and bytes of a name and a description to (ScrubbedInstance, its holds)."""

    def run(config, stated, name, description):
        dataset = Dataset()
        if stated is not None:
            dataset.SpecificCharacterSet = stated
        dataset.PatientName, dataset.PatientID, dataset.StudyDescription = "Z" * len(name), "MRN-4711", "X" * len(description)
        content = file_bytes(dataset).replace(b"Z" * len(name), name).replace(b"X" * len(description), description)
        plan = resolve(parse_config(json.dumps(config)))
        scrubbed = Scrubber(plan, secret).scrub(opened(content))
        return scrubbed, Prover(plan).prove(scrubbed).holds

    return run


@pytest.mark.filterwarnings("ignore:Failed to decode byte string")
@pytest.mark.parametrize("config", [CONTENTS, DESCRIPTORS], ids=["contents", "descriptors"])
@pytest.mark.parametrize("coding", PEOPLE)
@pytest.mark.parametrize("stated", [None, "ISO_IR 100", "ISO_IR 101", "ISO_IR 126", "ISO_IR 144", "ISO_IR 192", "GB18030"])
def test_no_character_of_a_name_is_published(outcome, config, stated, coding):
    family, given = PEOPLE[coding].split("^")
    for text in (f"{family}{given} CT", f"CT {family}{given}2", f"CT{given}", given):
        scrubbed, holds = outcome(config, stated, f"Doe^Jane={PEOPLE[coding]}".encode(coding), text.encode(coding))
        assert holds or not [letter for letter in family + given if letter.encode(coding) in scrubbed.content]


@pytest.mark.parametrize("config", [CONTENTS, DESCRIPTORS], ids=["contents", "descriptors"])
def test_where_none_is_stated_utf_8_is_read_in_the_header_as_in_its_texts(outcome, config, tmp_path):
    """So that the name alone goes, and nobody has to look at it."""
    scrubbed, holds = outcome(config, None, "Doe^Jane=张^小东".encode(), "肝脏 张小东 CT".encode())
    (tmp_path / "new.dcm").write_bytes(scrubbed.content)
    assert dcmread(tmp_path / "new.dcm").get_item("StudyDescription").value.decode().rstrip() == "肝脏 [PERSON_NAME] CT"
    assert holds == ()


@pytest.mark.parametrize(("stated", "text"), [("ISO_IR 192", "лисица"), ("ISO_IR 192", "печень"), ("ISO_IR 144", "печень")])
def test_a_short_name_in_its_right_set_holds_no_word_that_has_its_letters(outcome, stated, text):
    coding = {"ISO_IR 192": "utf-8", "ISO_IR 144": "iso8859_5"}[stated]
    scrubbed, holds = outcome({"dicom": {"keepList": {"tags": ["StudyDescription"]}}}, stated, "Ли^Ян".encode(coding), text.encode(coding))
    assert text.encode(coding) in scrubbed.content
    assert holds == ()
