"""Which infoTypes an engine that has to be told is asked for: those the config names, or all that we know, without those it excludes.

And whether a config names any that nobody can tell.
"""

from __future__ import annotations

from transforms.inspection.finding import InfoType
from transforms.model.errors import ConfigError
from transforms.model.plan import ActionPlan, ImagePlan, TextPlan

_KNOWN = frozenset(map(str, InfoType))


def of_text(plan: TextPlan) -> frozenset[str]:
    """For elements: what would be transformed."""
    named = frozenset(name for name, _ in plan.by_info_type)
    return (named | _KNOWN if plan.default else named) - plan.exclude


def of_image(plan: ImagePlan) -> frozenset[str]:
    """For text in pixels: what would be redacted."""
    return (_KNOWN | plan.additional if plan.only is None else plan.only) - plan.exclude


def require_known(plan: ActionPlan) -> None:
    """Raise ConfigError where the config names an infoType that the local engine cannot tell; Cloud DLP says itself which it can."""
    in_text = plan.text.exclude | {name for name, _ in plan.text.by_info_type}
    for at, named in (("config.text", in_text), ("config.image", plan.image.info_types)):
        for info_type in sorted(named - _KNOWN) if not plan.dlp_parent else ():
            known = ", ".join(sorted(_KNOWN))
            raise ConfigError(at, "the inspection knows no such infoType", f"allowed: {known}", info_type)
