"""The terms of an instance's own header, found in its texts in any spelling."""

import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset

from transforms.inspection.finding import settled
from transforms.inspection.header import terms_of
from transforms.inspection.terms import Terms


def header() -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Grünwald^Zebulon=山田^太郎=ヤマダ^タロウ"
    ds.PatientID = "00458812"
    ds.PatientBirthDate = "19600115"
    ds.AccessionNumber = "A-12345"
    ds.InstitutionAddress = "4 Privet Drive\r\nLittle Whinging"
    ds.PatientTelephoneNumbers = "0791 4411"
    ds.StudyID = "7"
    item = Dataset()
    item.OperatorsName = "Quintus^Ada"
    item.RequestedProcedureID = "RP99"
    ds.RequestAttributesSequence = [item]
    return ds


@pytest.fixture(scope="module")
def terms() -> Terms:
    return terms_of(header())


@pytest.mark.parametrize(
    ("text", "found", "info_type"),
    [
        ("GRÜNWALD CHEST", "GRÜNWALD", "PERSON_NAME"),
        ("seen by grunwald", "grunwald", "PERSON_NAME"),
        ("Gruenwald's knee", "Gruenwald", "PERSON_NAME"),
        ("Gru\u0308nwald", "Gru\u0308nwald", "PERSON_NAME"),
        ("ZebulonGrünwald", "ZebulonGrünwald", "PERSON_NAME"),
        ("by Z. Grünwald", "Z. Grünwald", "PERSON_NAME"),
        ("zgrunwald", "zgrunwald", "PERSON_NAME"),
        ("山田さん", "山田", "PERSON_NAME"),
        ("ﾔﾏﾀﾞ", "ﾔﾏﾀﾞ", "PERSON_NAME"),
        ("やまだ", "やまだ", "PERSON_NAME"),
        ("tech Quintus", "Quintus", "PERSON_NAME"),
        ("ID 458812 knee", "458812", "GENERIC_ID"),
        ("MRN00458812", "00458812", "GENERIC_ID"),
        ("acc A12345", "A12345", "GENERIC_ID"),
        ("A 12345", "A 12345", "GENERIC_ID"),
        ("order RP99", "RP99", "GENERIC_ID"),
        ("15011960", "15011960", "DATE"),
        ("b 150160", "150160", "DATE"),
        ("at 4 Privet drive", "4 Privet drive", "LOCATION"),
        ("07914411", "07914411", "PHONE_NUMBER"),
    ],
)
def test_a_term_is_found_in_another_spelling(terms, text, found, info_type):
    spans = {(text[one.start : one.end], one.info_type) for one in terms.find(text, "LO")}
    assert (found, info_type) in spans


@pytest.mark.parametrize("text", ["CT CHEST 7 mm", "Z axis", "slice 12345", "Adam", "1960", ""])
def test_what_is_too_short_or_part_of_another_word_is_not(terms, text):
    assert not terms.find(text, "LO")


def test_a_short_id_counts_as_a_whole_value():
    ds = Dataset()
    ds.StudyID = "Q7"
    assert [(one.start, one.end) for one in terms_of(ds).find("Q7", "SH")] == [(0, 2)]
    assert not terms_of(ds).find("Q7 view", "SH")
    assert not terms_of(ds).find("Q7", "CS")


@pytest.mark.parametrize(
    ("patient", "text", "vr", "found"),
    [
        ("4711", "(4711)", "LO", ["4711"]),
        ("4711", "CT_4711_1", "CS", ["4711"]),
        ("4711", "4711", "IS", ["4711"]),
        ("4711", "4711.5", "DS", []),
        ("4711", "47110", "IS", []),
        ("4711", "1.2.4711.3", "UI", []),
        ("0012", "0012", "DS", ["0012"]),
        ("0012", "12", "IS", []),
        ("1200", "1200", "TM", []),
        ("1200", "1200.0", "FL", []),
        ("QX7", "of QX7 today", "LO", ["QX7"]),
        ("120", "120 kV", "LO", []),
        ("120", "(120)", "LO", ["120"]),
        ("120", "120", "IS", []),
        ("12", "12", "LO", []),
        ("ab", "(ab)", "SH", ["ab"]),
        ("ab", "ab ovo", "SH", []),
        ("ab", "AB", "CS", []),
        ("ab", "ab 7", "IS", ["ab"]),
    ],
)
def test_how_short_an_id_may_be_depends_on_where_it_stands(patient, text, vr, found):
    ds = Dataset()
    ds.PatientID = patient
    assert [text[one.start : one.end] for one in settled(terms_of(ds).find(text, vr))] == found


@pytest.mark.parametrize(("keyword", "counts"), [("StudyID", False), ("PatientID", True), ("AccessionNumber", True)])
def test_the_number_of_a_study_is_no_id_among_numbers_unless_it_is_somebodys_too(keyword, counts):
    """Studies, series and images are counted alike; an id of a patient or order is none by chance."""
    ds = Dataset()
    ds.StudyID = "1006"
    setattr(ds, keyword, "1006")
    assert bool(terms_of(ds).find("1006", "IS")) is counts
    assert terms_of(ds).find("study 1006", "LO")


def test_a_short_number_among_others_is_one_of_them():
    ds = Dataset()
    ds.PatientID = "4711"
    assert not terms_of(ds).find("4711", "DS", only=False)


@pytest.mark.parametrize(
    ("text", "vr", "found"),
    [
        ("Bo", "ST", ["Bo"]),
        ("(BO)", "AE", ["BO"]),
        ("Bo", "IS", ["Bo"]),
        ("Bo-Bo", "LO", ["Bo", "Bo"]),
        ("BO", "CS", []),
        ("Bo angle", "LO", []),
    ],
)
def test_a_name_of_two_letters_counts_where_it_stands_alone(text, vr, found):
    ds = Dataset()
    ds.PatientName = "Kowalski^Bo"
    assert [text[one.start : one.end] for one in settled(terms_of(ds).find(text, vr))] == found


def test_the_uids_given_are_found_whole_wherever_they_stand():
    terms = terms_of(header(), lambda: {"1.2.826.0.1.77.2", "1.2"})
    for text, vr in (("of 1.2.826.0.1.77.2 today", "LO"), ("x1.2.826.0.1.77.2.", "CS"), ("1.2.826.0.1.77.2", "DS"), ("1.2", "UI")):
        assert [one.info_type for one in terms.find(text, vr)] == ["UID"]
    for text, vr in (("1.2.826.0.1.77.21", "LO"), ("1.2.826.0.1.77.2.1", "UI"), ("version 1.2", "LO"), ("1.2", "DS")):
        assert not terms.find(text, vr)


def test_in_numbers_and_uids_only_a_whole_component_counts(terms):
    assert terms.find("00458812", "IS")
    assert terms.find("1.2.458812.3", "UI")
    assert not terms.find("1.2.4588127.3", "UI")
    assert not terms.find("150160", "TM")
    assert terms.find("19600115", "TM")


def test_the_data_set_stays_as_it_was_read(real_file):
    content = real_file("CT_small.dcm").read_bytes()
    ds = dcmread(io.BytesIO(content))
    before = {tag: type(ds.get_item(tag)) for tag in list(ds.keys())}
    assert terms_of(ds).find("CompressedSamples", "LO")
    assert {tag: type(ds.get_item(tag)) for tag in list(ds.keys())} == before


def test_a_header_that_cannot_be_read_gives_what_can_be(tmp_path):
    ds = header()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds.add_new(0x00081040, "LO", "Ward")
    target = io.BytesIO()
    ds.save_as(target, enforce_file_format=False, implicit_vr=False, little_endian=True)
    broken = target.getvalue().replace(b"19600115", b"19\xff00115")
    assert terms_of(dcmread(io.BytesIO(broken), force=True)).find("00458812", "LO")


def test_placeholders_name_nobody():
    ds = Dataset()
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Anonymous^Test", "UNKNOWN", "19000101"
    assert not terms_of(ds).find("TEST unknown anonymous 19000101", "LO")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CT Zhangsun with contrast", "Zhangsun"),
        ("wzhangsun", "wzhangsun"),
        ("id zhangsun w", "zhangsun w"),
        ("xxWenbo_Zhangsunxx", "Wenbo_Zhangsun"),
    ],
)
def test_a_name_takes_no_letters_of_the_words_beside_it(text, found):
    dataset = Dataset()
    dataset.PatientName = "Zhangsun^Wenbo"
    spans = [text[one.start : one.end] for one in settled(terms_of(dataset).find(text, "LO"))]
    assert spans == [found]
