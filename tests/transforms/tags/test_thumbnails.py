"""Small copies of an image in its sequences go where text is redacted; an action that takes them away does so in its own way."""

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


@pytest.mark.parametrize(
    ("action", "query"), [("keepTag", ICON), ("keepTag", "00880200"), ("keepTag", f"{ICON}.PixelData"), ("recurseTag", ICON)]
)
def test_an_action_that_names_the_icon_keeps_none_either(left, action, query):
    new, count = left(action, query)
    assert (ICON in new, count) == (False, 0)


def test_a_keep_tag_that_names_another_sequence_keeps_no_samples_in_it(left):
    assert left("keepTag", "ReferencedSeriesSequence", "ConceptNameCodeSequence")[1] == 0


def test_an_action_that_takes_it_away_does_so_in_its_own_way(left):
    assert left("removeTag", ICON)[0][ICON].value == []
    assert ICON not in left("deleteTag", ICON)[0]
    assert left("resetTag", ICON)[1] == 0
