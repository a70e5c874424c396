"""Where a published instance goes: `<Study>/<Series>/<SOP Instance>.dcm` in the destination."""

from __future__ import annotations

import re

from transforms.model.errors import InstanceProblem
from transforms.model.places import Place, place_of
from transforms.model.records import InstanceUids

_UID = re.compile(r"(?=.{1,64}\Z)[0-9]+(\.[0-9]+)*")


def destination_path(destination: str, target: InstanceUids) -> Place:
    """The path of a published instance, always three levels below `destination`.

    Raises InstanceProblem (BAD_UID) for anything but digits between single dots, at most 64 characters (PS3.5 section 9):
    under a plan that keeps UIDs they come from the source, which may say `../..`.
    """
    check_uids(target)
    return place_of(destination) / target.study / target.series / f"{target.instance}.dcm"


def check_uids(target: InstanceUids) -> None:
    """Raise InstanceProblem (BAD_UID) unless all three are safe in a path."""
    for uid in (target.study, target.series, target.instance):
        if not _UID.fullmatch(uid):
            raise InstanceProblem("write", "BAD_UID", "a UID that names the instance is not valid, so it makes no safe name")
