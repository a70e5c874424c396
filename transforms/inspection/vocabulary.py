"""Lists of words (data/words.json): what texts in DICOM headers speak of, given names, countries and large cities."""

from __future__ import annotations

import json
from importlib import resources

_FILE = json.loads(resources.files("transforms.inspection").joinpath("data/words.json").read_text(encoding="utf-8"))

ALLOWED = frozenset(word for lines in _FILE["allowed"].values() for line in lines for word in line.split())
"""Words of devices, anatomy, protocols, measurements and reports. They silence patterns and NER only: a word of the
instance's own header is found all the same. Lower case, accents as written."""

GIVEN_NAMES = frozenset(word for line in _FILE["given_names"] for word in line.split())
"""Lower case."""

PLACES = frozenset(" ".join(_FILE["places"]).split(", "))
"""Countries, states and large cities. Lower case."""
