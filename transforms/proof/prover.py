"""From a scrubbed instance to a proven one: what the plan should have taken must not be there (DESIGN 17)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from pydicom.dataset import Dataset

from transforms.model.needed import NAMES_AN_INSTANCE
from transforms.model.plan import ActionPlan, Option, Profile, Verb
from transforms.model.records import Hold, InstanceUids, ScrubbedInstance, SecondLook
from transforms.proof.sweep import Residue, Sweep
from transforms.proof.tokens import INSTANCE_UIDS, Token, TokenKind, instance_uids, tokens_of, tokens_where, uid_tokens

_MOST_NAMED = 5
_BY_CONFIG = " (as the config's clinicalTrial has it: state it in other words)"
_NEARLY_ALL = (Profile.KEEP_ALL, Profile.REMOVE_LIST)
"""Profiles that keep what they do not name."""
_INFO_TYPES = {TokenKind.NAME: "PERSON_NAME", TokenKind.ID: "GENERIC_ID", TokenKind.BIRTH_DATE: "DATE"}
_DEVICE_UIDS = frozenset({0x00181002, 0x0018100B})
"""Device UID and Manufacturer's Device Class UID, K in the Retain Device Identity column of Table E.1-1."""


class Prover:
    """Adds a hold where a token of the source is left in the output, or text in its pixels."""

    def __init__(self, plan: ActionPlan) -> None:
        self._plan = plan

    def prove(self, instance: ScrubbedInstance) -> ScrubbedInstance:
        """The instance, with a hold RESIDUAL_TOKEN or RESIDUAL_TEXT if there is a doubt. Raises InstanceProblem UNREADABLE_OUTPUT.

        Under KEEP_ALL_PROFILE and a removeList what stands in the elements that the plan takes away or changes is looked for
        everywhere, but the UIDs of studies, series and instances only in the elements that name them: the rest stays by consent.
        `keep_primary_uids` is consent to leave these. What keepList, keepTag and the retain options leave is no residue; what is
        cleaned must be clean.
        """
        residues = self._residues(instance)
        stated = {f"{tag:08X}" for tag, _ in self._plan.trial}
        doubts = [Hold("proof", "RESIDUAL_TOKEN", _sentence(residues, stated))] if residues else []
        if instance.opened.pixels.second_look is SecondLook.RESIDUAL:
            doubts.append(Hold("proof", "RESIDUAL_TEXT", "the redacted pixels still show what is taken for text"))
        return dataclasses.replace(instance, holds=(*instance.holds, *doubts)) if doubts else instance

    def _residues(self, instance: ScrubbedInstance) -> list[Residue]:
        source, dataset = instance.opened.source, instance.opened.dataset
        named = instance_uids(dataset) | {source.study, source.series, source.instance}
        if self._plan.profile in _NEARLY_ALL:
            uids = () if self._plan.keep_primary_uids else uid_tokens(named)
            changed = self._of_changed(dataset, named)
            left = Sweep(changed, named, dataset.get("SpecificCharacterSet")).residues(instance.content) if changed else []
            return [*Sweep(uids).residues_in(instance.content, INSTANCE_UIDS), *left]
        keep = named if self._plan.keep_primary_uids else frozenset[str]()
        charset = dataset.get("SpecificCharacterSet")
        consented = {token.text for token in tokens_where(dataset, self._keeps)}
        wanted = [token for token in tokens_of(dataset, keep) if self._must_go(token, source) and token.text not in consented]
        return Sweep(wanted, keep, charset).residues(instance.content)

    def _of_changed(self, dataset: Dataset, named: frozenset[str]) -> list[Token]:
        """What stood in the elements that the plan does not keep, unless an element that it keeps says the same."""
        consented = {token.text for token in tokens_where(dataset, self._plan.keeps)}
        gone = dict.fromkeys(tokens_where(dataset, lambda *element: not self._plan.keeps(*element)))
        return [token for token in gone if token.text not in consented and token.spelling not in named and self._is_transformed(token)]

    def _is_transformed(self, token: Token) -> bool:
        """Whether cleaning, where it is what the plan does, would take the token away."""
        cleans = any(rule.verb is Verb.CLEAN_TEXT for rule in self._plan.rules)
        return not cleans or token.kind is TokenKind.UID or self._plan.text.of(_INFO_TYPES[token.kind]) is not None

    def _keeps(self, path: tuple[int, ...], vr: str, creator: str) -> bool:
        retained = path[-1] in _DEVICE_UIDS and Option.DEVICE in self._plan.options
        return retained or (path[-1] not in NAMES_AN_INSTANCE and self._plan.keeps(path, vr, creator))

    def _must_go(self, token: Token, source: InstanceUids) -> bool:
        """Whether the plan takes tokens of this kind away at all."""
        if token.kind is TokenKind.UID:
            by_profile = self._plan.profile is not Profile.CONTENTS or token.spelling in dataclasses.astuple(source)
            return by_profile and Option.UIDS not in self._plan.options
        return self._plan.profile is not Profile.CONTENTS or self._plan.text.of(_INFO_TYPES[token.kind]) is not None


def _sentence(residues: list[Residue], stated: Collection[str]) -> str:
    """`stated`: the elements whose values are the config's own, so that it is the config that is to be mended."""
    shown = residues[:_MOST_NAMED]
    named = [f"{residue.kind.value} in {residue.where}{_BY_CONFIG if residue.where in stated else ''}" for residue in shown]
    more = f" and {len(residues) - _MOST_NAMED} more" if len(residues) > _MOST_NAMED else ""
    return f"the source's own tokens are left in the output: {', '.join(named)}{more}"
