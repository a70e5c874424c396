"""Where a hash cannot stand: values of a fixed form have no room for 80 bits of it (PS3.5 6.2)."""

from __future__ import annotations

from transforms.model.errors import ConfigError
from transforms.model.plan import Rule, TextKind, TextPlan, Verb

_FOUND_IN = {
    "AS": ("AGE",),
    "DA": ("DATE",),
    "DT": ("DATE",),
    "DS": ("DATE", "GENERIC_ID"),
    "IS": ("DATE", "GENERIC_ID"),
    "TM": ("DATE", "GENERIC_ID"),
    "UR": ("URL",),
}
"""VR to the infoTypes that inspection tells in a value of its form. A UI is mapped; a CS, SH or AE holds 80 bits if nothing is beside."""


def check_hash_fits(rule: Rule, text: TextPlan, at: str) -> None:
    """Raise ConfigError for an action that has an element cleaned by a hash which its VR cannot hold.

    What only the data tell (a profile that cleans every VR, a hash beside other text) is erased instead.
    """
    vr = rule.query.vr
    if rule.verb is not Verb.CLEAN_TEXT or vr is None:
        return
    hashed = [name for name in _FOUND_IN.get(vr, ()) if (chosen := text.of(name)) is not None and chosen.kind is TextKind.HASH]
    if hashed:
        why = f"{TextKind.HASH} is for {' and '.join(hashed)}, and a {vr} has no room for a hash of 80 bits"
        allowed = f"{TextKind.DATE_SHIFT} or {TextKind.REDACT}" if hashed == ["DATE"] else f"{TextKind.REDACT}"
        raise ConfigError(at, why, f"give {' and '.join(hashed)} {allowed}, or use another action", rule.query.text)
