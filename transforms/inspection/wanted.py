"""Which infoTypes an engine that has to be told is asked for: those the config names, or all that we know, without those it excludes."""

from __future__ import annotations

from transforms.inspection.finding import InfoType
from transforms.model.plan import ImagePlan, TextPlan

_KNOWN = frozenset(map(str, InfoType))


def of_text(plan: TextPlan) -> frozenset[str]:
    """For elements: what would be transformed."""
    named = frozenset(name for name, _ in plan.by_info_type)
    return (named | _KNOWN if plan.default else named) - plan.exclude


def of_image(plan: ImagePlan) -> frozenset[str]:
    """For text in pixels: what would be redacted."""
    return (_KNOWN | plan.additional if plan.only is None else plan.only) - plan.exclude
