"""Names are found and cleaned in whatever character set a text is, item by item, and what is left can be read in it (PS3.5 6.1)."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.plan import Profile

KANJI = ["", "ISO 2022 IR 87"]
HALF_WIDTH = ["ISO 2022 IR 13", "ISO 2022 IR 87"]
HANGUL = ["", "ISO 2022 IR 149"]
YAMADA = "Yamada^Tarou=山田^太郎=やまだ^たろう"


def instance(terms, name, **texts):
    dataset = Dataset()
    if terms is not None:
        dataset.SpecificCharacterSet = terms
    dataset.PatientName, dataset.PatientID = name, "MRN-4711"
    for keyword, text in texts.items():
        setattr(dataset, keyword, text)
    return dataset


@pytest.fixture
def cleaned(scrub, file_bytes):
    """A function from a data set and replacements of bytes in its file to the new data set under DEIDENTIFY_TAG_CONTENTS."""

    def run(dataset, *instead):
        content = file_bytes(dataset)
        for old, new in instead:
            assert content.count(old) == 1
            assert len(old) == len(new)
            content = content.replace(old, new)
        return scrub(content, Profile.CONTENTS)

    return run


@pytest.mark.parametrize(
    ("terms", "name", "text", "left"),
    [
        ("ISO_IR 100", "Müller^Jürgen", "Kontrolle für MÜLLER heute", "Kontrolle für [PERSON_NAME] heute"),
        ("ISO_IR 144", "Смирновский^Аркадий", "печень, смирновский, КТ", "печень, [PERSON_NAME], КТ"),
        ("ISO_IR 126", "Παπαδόπουλος^Δημήτριος", "ήπαρ ΠΑΠΑΔΌΠΟΥΛΟΣ", "ήπαρ [PERSON_NAME]"),
        ("ISO_IR 192", YAMADA, "肝臓 山田 CT", "肝臓 [PERSON_NAME] CT"),
        ("GB18030", "Zhang^Xiaodong=张^小东", "肝脏 Xiaodong CT", "肝脏 [PERSON_NAME] CT"),
        (KANJI, YAMADA, "肝臓 山田 CT", "肝臓 [PERSON_NAME] CT"),
        (KANJI, YAMADA, "肝臓 やまだ CT", "肝臓 [PERSON_NAME] CT"),
        (HANGUL, "Hong^Gildong=洪^吉洞=홍^길동", "간 홍길동 추적", "간 [PERSON_NAME] 추적"),
    ],
)
def test_a_name_is_cleaned_and_its_neighbours_stay(cleaned, terms, name, text, left):
    scrubbed, new = cleaned(instance(terms, name, StudyDescription=text))
    assert new.StudyDescription == left
    assert scrubbed.opened.dataset.get_item("StudyDescription").value.decode("latin-1") not in scrubbed.content.decode("latin-1")


@pytest.mark.parametrize("written", ["ヤマダ", "ﾔﾏﾀﾞ", "やまだ"])
def test_kana_are_the_same_in_any_width_and_script(cleaned, written):
    new = cleaned(instance(HALF_WIDTH, "ﾔﾏﾀﾞ^ﾀﾛｳ", StudyDescription=f"CT {written} 2"))[1]
    assert new.StudyDescription == "CT [PERSON_NAME] 2"


@pytest.mark.parametrize("written", ["ＫＯＷＡＬＳＫＩ", "kowalski", "Kowalski\u0301", "KOWALſKI"])
def test_letters_are_the_same_in_any_width_case_and_composition(cleaned, written):
    new = cleaned(instance("ISO_IR 192", "Kowalski^Jan", StudyDescription=f"CT {written} 2"))[1]
    assert new.StudyDescription == "CT [PERSON_NAME] 2"


@pytest.mark.parametrize("keyword", ["NamesOfIntendedRecipientsOfResults", "PhysiciansOfRecord"])
def test_escapes_are_reset_at_each_delimiter_and_all_groups_of_a_name_go(cleaned, keyword):
    """Two people, each in three groups; what follows a delimiter begins in the first set again."""
    names = [YAMADA, "Suzuki^Hanako=鈴木^花子=すずき^はなこ"]
    _, new = cleaned(instance(KANJI, "Tanaka^Jiro", **{keyword: names}))
    parts = "".join(str(name) for name in new[keyword].value)
    assert not set(parts) & set("山田太郎鈴木花子やまだたろうすずきはなこ")
    assert "Yamada" not in parts
    assert "Suzuki" not in parts


def test_of_several_values_those_without_a_name_keep_their_bytes(cleaned):
    """Escapes and all: the second value is written as it was."""
    scrubbed, new = cleaned(instance(KANJI, YAMADA, AdmittingDiagnosesDescription=["山田", "肝臓の検査"]))
    assert list(new.AdmittingDiagnosesDescription) == ["[PERSON_NAME]", "肝臓の検査"]
    before = scrubbed.opened.dataset.get_item("AdmittingDiagnosesDescription").value
    after = pydicom.dcmread(io.BytesIO(scrubbed.content)).get_item("AdmittingDiagnosesDescription").value
    assert after.split(b"\\")[1].strip() == before.split(b"\\")[1].strip()


@pytest.mark.parametrize(("terms", "text"), [("GB18030", "俓誠 CT"), ("GBK", "俓誠 CT")])
def test_a_second_byte_that_looks_like_a_backslash_parts_nothing(cleaned, terms, text):
    assert b"\\" in text.encode("gb18030")
    new = cleaned(instance(terms, "Zhang^Xiaodong=张^小东", StudyDescription=f"{text} Zhang"))[1]
    assert new.StudyDescription == f"{text} [PERSON_NAME]"


def test_an_item_has_its_own_character_set(cleaned):
    """PS3.3 C.12.1.1.2: what an item says holds for it and what is below it, and nothing outside."""
    inner = instance("ISO_IR 144", "Смирновский^Аркадий", StudyDescription="CT Смирновский 2")
    below = Dataset()
    below.SeriesDescription = "CT Смирновский 3"
    inner.AnatomicRegionSequence = Sequence([below])
    outer = instance("ISO_IR 100", "Müller^Jürgen", StudyDescription="für Müller 1", ViewCodeSequence=Sequence([inner]))
    new = cleaned(outer)[1]
    item = new.ViewCodeSequence[0]
    assert (new.SpecificCharacterSet, item.SpecificCharacterSet) == ("ISO_IR 100", "ISO_IR 144")
    assert new.StudyDescription == "für [PERSON_NAME] 1"
    assert item.StudyDescription == "CT [PERSON_NAME] 2"
    assert item.AnatomicRegionSequence[0].SeriesDescription == "CT [PERSON_NAME] 3"


@pytest.mark.parametrize("coding", ["utf-8", "latin-1"])
def test_where_no_character_set_is_stated_bytes_are_read_as_what_they_are_and_left_so(cleaned, coding):
    coded, name = "Größe 2 mm, Müller".encode(coding), "Müller^Jürgen".encode(coding)
    dataset = instance(None, "Z" * len(name), StudyDescription="X" * len(coded))
    scrubbed, new = cleaned(dataset, (b"X" * len(coded), coded), (b"Z" * len(name), name))
    assert new.get_item("StudyDescription").value.rstrip() == "Größe 2 mm, [PERSON_NAME]".encode(coding)
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == "00081030"]
    assert coded[finding.byte_start : finding.byte_end].decode(coding) == "Müller"


def test_what_can_be_read_but_not_written_again_goes(cleaned):
    """ISO 2022 IR 58 is one that our library only reads: then nothing is left, rather than something in other bytes."""
    coded, name = b"\x1b$)A" + "肝 Zhang 张小东".encode("gb2312"), b"Zhang^Xiaodong=\x1b$)A" + "张^小东".encode("gb2312")
    dataset = instance(["", "ISO 2022 IR 58"], "Z" * len(name), StudyDescription="X" * len(coded))
    scrubbed, new = cleaned(dataset, (b"X" * len(coded), coded), (b"Z" * len(name), name))
    assert not new.StudyDescription
    assert "小东".encode("gb2312") not in scrubbed.content


@pytest.mark.parametrize(
    ("terms", "coded"),
    [("ISO_IR 192", "für Müller".encode("latin-1")), (KANJI, b"\x1b$B\xff\xff\x1b(B Doe"), ("ISO_IR 192", b"\xc3 Doe")],
    ids=["latin-1 for utf-8", "broken kanji", "a character cut short"],
)
def test_what_a_wrong_character_set_makes_unreadable_is_removed_and_said_so(cleaned, terms, coded):
    scrubbed, new = cleaned(instance(terms, "Doe^Jane", StudyDescription="X" * len(coded)), (b"X" * len(coded), coded))
    assert not new.StudyDescription
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == "00081030"]
    assert (finding.action, finding.reason.endswith("UNDECODABLE")) == ("REMOVED", True)


@pytest.mark.parametrize(
    ("terms", "name", "text"),
    [("ISO_IR 100", "Müller^Jürgen", "für Müller"), ("ISO_IR 144", "Смирновский^Аркадий", "КТ Смирновский"), (None, "Doe^Jane", "CT Doe")],
)
def test_a_replacement_that_the_character_set_cannot_write_is_none(deidentify, terms, name, text):
    """The value goes as a whole: a question mark, or bytes of another set, would say something that nobody meant."""
    masked = {"additionalTransformations": [{"characterMaskConfig": {"maskingCharacter": "山"}}]}
    config = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "text": masked}
    scrubbed, new, _ = deidentify(config, instance(terms, name, StudyDescription=text))
    assert not new.StudyDescription
    assert text.split()[1] not in str(new)
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == "00081030"]
    assert finding.original


def test_one_that_it_can_write_stands_there(deidentify):
    masked = {"additionalTransformations": [{"characterMaskConfig": {"maskingCharacter": "山"}}]}
    config = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "text": masked}
    new = deidentify(config, instance(KANJI, YAMADA, StudyDescription="肝臓 やまだ CT"))[1]
    assert new.StudyDescription == "肝臓 山山山 CT"
