"""From a scrubbed instance to a proven one: what the plan should have taken must not be there (DESIGN 17)."""

from __future__ import annotations

import dataclasses

from transforms.model.config import ActionPlan, Profile
from transforms.model.records import Hold, ScrubbedInstance
from transforms.proof.sweep import Residue, Sweep
from transforms.proof.tokens import INSTANCE_UIDS, instance_uids, tokens_of, uid_tokens

_MOST_NAMED = 5


class Prover:
    """Adds a hold where a token of the source is left in the output."""

    def __init__(self, plan: ActionPlan) -> None:
        self._plan = plan

    def prove(self, instance: ScrubbedInstance) -> ScrubbedInstance:
        """The instance, with a hold RESIDUAL_TOKEN if there is a doubt. Raises InstanceProblem UNREADABLE_OUTPUT.

        KEEP_ALL_PROFILE is consent to leave all but the UIDs of studies, series and instances, so only those are looked
        for, in the elements that name them; `keep_primary_uids` is consent to leave these.
        """
        residues = self._residues(instance)
        if not residues:
            return instance
        return dataclasses.replace(instance, holds=(*instance.holds, Hold("proof", "RESIDUAL_TOKEN", _sentence(residues))))

    def _residues(self, instance: ScrubbedInstance) -> list[Residue]:
        source, dataset = instance.opened.source, instance.opened.dataset
        named = instance_uids(dataset) | {source.study, source.series, source.instance}
        if self._plan.profile is Profile.KEEP_ALL:
            wanted = () if self._plan.keep_primary_uids else uid_tokens(named)
            return Sweep(wanted).residues_in(instance.content, INSTANCE_UIDS)
        keep = named if self._plan.keep_primary_uids else frozenset[str]()
        charset = dataset.get("SpecificCharacterSet")
        return Sweep(tokens_of(dataset, keep), keep, charset).residues(instance.content)


def _sentence(residues: list[Residue]) -> str:
    named = [f"{residue.kind.value} in {residue.where}" for residue in residues[:_MOST_NAMED]]
    more = f" and {len(residues) - _MOST_NAMED} more" if len(residues) > _MOST_NAMED else ""
    return f"the source's own tokens are left in the output: {', '.join(named)}{more}"
