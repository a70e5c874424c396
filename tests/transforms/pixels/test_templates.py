"""Known layouts: what a file of them says, whom it is for, and how a wrong one is refused."""

import pickle

import pydicom
import pytest

from transforms.model.errors import ConfigError
from transforms.pixels.templates import matching, parse_templates, shipped

GOOD = """
- name: One
  match: {Manufacturer: [Acme, ACME Inc.], SoftwareVersions: "2.1", Rows: 480, Columns: 640}
  boxes: [[0, 0, 640, 24], [1, 30, 2, 31]]
"""


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("OBXXXX1A.dcm", "Philips CX50 800x600 banner"),
        ("US1_UNCI.dcm", "GE LOGIQ 700 640x480 institution and patient"),
        ("gdcm-US-ALOKA-16.dcm", "ALOKA SSD-4000 640x480 banner"),
        ("JPGLosslessP14SV1_1s_1f_8b.dcm", "Philips EPIQ 7C 1024x768 banner"),
        ("color3d_jpeg_baseline.dcm", "SonoSite Turbo 640x480 banner"),
    ],
)
def test_each_shipped_template_is_of_a_real_machine(real_file, file, name):
    dataset = pydicom.dcmread(real_file(file), stop_before_pixels=True)
    (found,) = matching(shipped(), dataset)
    assert found.name == name
    assert all(right <= dataset.Columns and bottom <= dataset.Rows for _, _, right, bottom in found.boxes)


def test_boxes_lie_outside_what_the_machine_calls_its_image(real_file):
    for file in ("OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "color3d_jpeg_baseline.dcm"):
        dataset = pydicom.dcmread(real_file(file), stop_before_pixels=True)
        (template,) = matching(shipped(), dataset)
        top = min(region.RegionLocationMinY0 for region in dataset.SequenceOfUltrasoundRegions)
        assert max(bottom for *_, bottom in template.boxes) <= top


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({}, True),
        ({"Manufacturer": "acme "}, True),
        ({"SoftwareVersions": ["9", "2.1"]}, True),
        ({"SoftwareVersions": "2.10"}, False),
        ({"Columns": 641}, False),
        ({"Manufacturer": None}, False),
        ({"Manufacturer": "Acme Europe"}, False),
    ],
)
def test_every_word_must_be_met_whole(changes, matches):
    dataset = pydicom.Dataset()
    for keyword, value in ({"Manufacturer": "ACME Inc.", "SoftwareVersions": "2.1", "Rows": 480, "Columns": 640} | changes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    assert bool(matching(parse_templates(GOOD, "x"), dataset)) is matches


def test_a_template_crosses_to_a_worker():
    (template,) = parse_templates(GOOD, "x")
    assert pickle.loads(pickle.dumps(template)) == template
    assert template.boxes == ((0, 0, 640, 24), (1, 30, 2, 31))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- [", "x: this is not YAML;"),
        ("a: 1", "x: a file of templates is a list"),
        ("- {name: A}", "x[0]: an entry has name, match and boxes"),
        (GOOD.replace("One", "A/B"), "x[0].name: a name is letters"),
        (GOOD + GOOD, "x is 'One': two entries"),
        (GOOD.replace("Rows: 480,", ""), "x[0].match: Rows, Columns and"),
        (GOOD.replace('Manufacturer: [Acme, ACME Inc.], SoftwareVersions: "2.1", ', ""), "x[0].match: Rows, Columns and"),
        (GOOD.replace("Manufacturer", "Maker"), "x[0].match is 'Maker': this is no keyword"),
        (GOOD.replace("[Acme, ACME Inc.]", "[]"), "x[0].match.Manufacturer: this is neither"),
        (GOOD.replace("[Acme, ACME Inc.]", "{a: 1}"), "x[0].match.Manufacturer: this is neither"),
        (GOOD.replace("640, 24", "640, 2.5"), "x[0].boxes[0]: a box is four whole numbers"),
        (GOOD.replace("2, 31", "2, 30"), "x[0].boxes[1]: this box is empty"),
        (GOOD.replace("[[0, 0, 640, 24], [1, 30, 2, 31]]", "[]"), "x[0].boxes: a template has at least one"),
    ],
)
def test_a_wrong_file_is_refused_by_place(text, sentence):
    with pytest.raises(ConfigError) as error:
        parse_templates(text, "x")
    assert str(error.value).startswith(sentence)
