"""From an open instance to a de-identified file: the walk, what the class still needs, the samples, the honest header, the bytes."""

from __future__ import annotations

import functools

from pydicom.dataset import FileDataset

from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose, Secret
from transforms.model.plan import ActionPlan, Profile
from transforms.model.records import Hold, InstanceUids, OpenInstance, ScrubbedInstance
from transforms.tags import documents, elements, filemeta, policy, samples
from transforms.tags.actions import standard_vr
from transforms.tags.attributes import required
from transforms.tags.dummies import dummy
from transforms.tags.elements import Element
from transforms.tags.encode import part10, transfer_syntax
from transforms.tags.headers import Headers, claims, release
from transforms.tags.minimal import GEOMETRY, MULTI_FRAME, PIXELS
from transforms.tags.patients import Patients
from transforms.tags.text import Texts
from transforms.tags.uids import UidMapper, is_valid, strip
from transforms.tags.walk import Walk

SOP_CLASS = 0x00080016
_NEVER_MADE_UP = PIXELS | GEOMETRY | MULTI_FRAME
_UNLISTED = Hold("tags", "PATIENT_UNLISTED", "a patient that it names is not in the patient map")
_WHY_HELD = {"UID_COLLISION": "other files of the source have this SOP Instance UID and another content"}


class Scrubber:
    """De-identifies instances under one plan and one secret. Same instance, plan and secret: same bytes, same findings."""

    def __init__(self, plan: ActionPlan, secret: Secret) -> None:
        self._plan = plan
        self._uids = UidMapper(secret.purpose(Purpose.UID))
        self._patients = Patients(plan.patients, secret.purpose(Purpose.PATIENT))
        self._texts = Texts(plan, secret, self._patients.shift)

    def scrub(self, opened: OpenInstance) -> ScrubbedInstance:
        """The instance as a new file, with all findings. The source data set stays as it was read.

        Raises InstanceProblem (stage `tags`): NO_SOP_CLASS, SYNTAX_MISMATCH, BAD_ITEMS, CANNOT_ENCODE; and those of the engine.
        """
        plan, source = self._plan, opened.dataset
        sop_class, syntax, target, holds = _sop_class(source), transfer_syntax(source), self._target(opened), _holds(opened)
        here = self._texts.of(source, sop_class)
        walked = functools.partial(Walk, plan, sop_class, self._uids, self._patients, source, opened.source, target, self._texts)
        here.expect(lambda rehearsal: walked(rehearsal).top())
        walk = walked(here)
        new = walk.top()
        if walk.names_unlisted:
            holds += (_UNLISTED,)
        if plan.profile is Profile.MINIMAL:
            self._complete(new, sop_class, opened.source)
        samples.replace(new, opened.pixels)
        cleared = samples.clear_overlays(new, opened.pixels)
        with_pixels = samples.present(source)
        methods = claims(plan, with_pixels)
        if_released = release(new, source, sop_class, methods)
        headers = Headers(new, source, sop_class)
        ours = documents.DOCUMENT in new and documents.replaces(plan, sop_class, documents.DOCUMENT)
        headers.state(plan, opened.pixels, methods, with_pixels=with_pixels, doubtful=bool(holds), our_document=ours)
        headers.trial(plan.trial, walk.subject)
        content = part10(elements.data_set(new, source), syntax, sop_class, target.instance)
        meta, stated = filemeta.findings(source, target.instance), {finding.tag for finding in headers.findings}
        changed = (
            finding for finding in walk.findings if finding.path or finding.tag not in stated
        )  # one finding an element: the last word
        findings = (*opened.pixels.findings, *cleared, *meta, *changed, *headers.findings)
        return ScrubbedInstance(opened, target, content, findings, holds, if_released)

    def _target(self, opened: OpenInstance) -> InstanceUids:
        """The published UIDs. Instances told apart by `distinct` get a new SOP Instance UID even where UIDs are kept, and so does
        whatever is no valid UID.
        """
        source, distinct = opened.source, opened.ref.distinct
        return InstanceUids(self._published(source.study), self._published(source.series), self._published(source.instance, distinct))

    def _published(self, uid: str, distinct: str = "") -> str:
        stays = self._plan.keep_primary_uids and not distinct and is_valid(uid)
        return uid if stays else self._uids.new(uid, distinct)

    def _complete(self, new: dict[int, Element], sop_class: str, source: InstanceUids) -> None:
        """Add what a valid object of this class needs and the source lacks: no finding, since no element of the source changes.

        Samples, what they mean and where they are is never made up.
        """
        for tag, kind in required(sop_class).items():
            vr = standard_vr(tag)
            if vr is None or tag in new or tag in _NEVER_MADE_UP or tag >> 16 in (0x0028, 0x7FE0):
                continue
            if kind == "2":
                new[tag] = elements.empty(tag, vr)
            elif vr == "UI":
                new[tag] = elements.written(tag, vr, self._uids.new(f"{source.series}/{tag:08X}"))
            else:
                new[tag] = elements.written(tag, vr, dummy(tag, vr, sop_class))


def _sop_class(source: FileDataset) -> str:
    found = strip(elements.text_at(source, SOP_CLASS))
    if not found:
        raise InstanceProblem("tags", "NO_SOP_CLASS", "the object does not say of which SOP class it is")
    return found


def _holds(opened: OpenInstance) -> tuple[Hold, ...]:
    code = opened.ref.hold
    listed = Hold("list", code, _WHY_HELD.get(code, "a doubt arose when the source was listed")) if code else None
    return tuple(hold for hold in (listed, policy.hold(opened.dataset)) if hold is not None)
