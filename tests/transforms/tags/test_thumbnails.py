"""Small copies of an image in its sequences go where text is redacted; only an action that names such a sequence itself decides."""

import pytest
from pydicom.dataset import Dataset

BASIC = {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}
ICON = "IconImageSequence"
SAMPLES = b"Smithers"


def picture() -> Dataset:
    """An icon, and samples in a sequence that is no icon's."""
    icon, holder, dataset = Dataset(), Dataset(), Dataset()
    icon.Rows, icon.Columns = 1, 8
    icon.add_new(0x7FE00010, "OB", SAMPLES)
    holder.ConceptNameCodeSequence = [icon]
    dataset.IconImageSequence, dataset.ReferencedSeriesSequence = [icon], [holder]
    return dataset


@pytest.fixture
def left(deidentify):
    """A function from an action and its queries to what is left of the samples: (new data set, how often they stand in the file)."""

    def run(action: str, *queries: str):
        actions = [{action: {}, "queries": list(queries)}]
        config = {"dicomTagConfig": BASIC | {"actions": actions, "options": {"cleanImage": {"textRedactionMode": "REDACT_ALL_TEXT"}}}}
        scrubbed, new, _ = deidentify(config, picture())
        return new, scrubbed.content.count(SAMPLES)

    return run


@pytest.mark.parametrize("action", ["keepTag", "recurseTag"])
@pytest.mark.parametrize("queries", [("SQ",), ("0088xxxx", "0040xxxx", "0008xxxx")])
def test_a_vr_or_mask_or_what_only_goes_into_it_keeps_no_thumbnail(left, action, queries):
    assert left(action, *queries)[1] == 0


@pytest.mark.parametrize("query", [ICON, "00880200"])
def test_recursion_into_the_icon_by_name_keeps_none_either(left, query):
    new, count = left("recurseTag", query)
    assert (ICON in new, count) == (False, 0)


def test_a_keep_tag_that_names_the_sequence_keeps_it(left):
    new, count = left("keepTag", ICON)
    assert (new[ICON].value[0].PixelData, count) == (SAMPLES, 1)


def test_an_action_that_takes_it_away_does_so_in_its_own_way(left):
    assert left("removeTag", ICON)[0][ICON].value == []
    assert ICON not in left("deleteTag", ICON)[0]
    assert left("resetTag", ICON)[1] == 0
