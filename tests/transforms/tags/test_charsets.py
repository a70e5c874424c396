"""Text in and out of the character sets of DICOM, strictly."""

import pytest
from pydicom.charset import convert_encodings

from transforms.tags.charsets import decode, encode


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 192", "山田^太郎"),
        ("GB18030", "王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_a_text_comes_back_from_its_bytes(terms, text):
    encodings = convert_encodings(terms)
    coded = encode(text, "PN", encodings)
    assert coded is not None
    assert decode(coded, "PN", encodings) == text


def test_0x5c_as_a_second_byte_is_no_delimiter():
    assert decode("ソ連".encode("gb18030"), "LO", ["GB18030"]) == "ソ連"
    assert decode("表".encode("shift_jis"), "LO", ["shift_jis"]) == "表"


def test_without_a_character_set_utf8_and_latin1_are_understood():
    assert decode("Müller".encode(), "LO", ["iso8859"]) == "Müller"
    assert decode("Müller".encode("latin-1"), "LO", ["iso8859"]) == "Müller"


@pytest.mark.parametrize(("value", "encodings"), [(b"\xff\xfeab", ["utf-8"]), (b"O\x92Brien", ["iso8859"]), (b"a\x00b", ["utf-8"])])
def test_what_cannot_be_read_is_not_guessed(value, encodings):
    assert decode(value, "LO", encodings) is None


@pytest.mark.parametrize(("text", "encodings"), [("山", ["latin-1"]), ("ø", ["ascii"]), ("é", ["shift_jis"])])
def test_what_cannot_be_written_is_refused(text, encodings):
    assert encode(text, "LO", encodings) is None
