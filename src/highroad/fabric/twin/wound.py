"""A fibre between its cut and the trust in its splice, as the glass has it and as headends believe."""

from __future__ import annotations

from dataclasses import dataclass, replace

from highroad.model.incident import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Wound:
    """A fibre that is cut, or spliced and not trusted again yet. Times are UTC seconds."""

    cut_s: float | None
    """Since when it does not carry as it should; None once it is spliced."""
    spliced_s: float | None = None
    seen_s: float | None = None
    """Since when headends believe it dark; None as long as nobody has noticed."""
    reason: Reason = Reason.LIGHT

    def due_s(self, *, detection_s: float, restoration_s: float) -> float | None:
        """When headends will next change their mind about it, if nothing else happens."""
        if self.cut_s is not None:
            return self.cut_s + detection_s if self.seen_s is None else None
        return None if self.spliced_s is None else self.spliced_s + restoration_s

    def noticed(self, at_s: float) -> Wound | None:
        """What is left once headends have changed their mind: the belief in a cut; nothing after a splice."""
        return replace(self, seen_s=at_s) if self.cut_s is not None else None


def cut(wound: Wound | None, at_s: float, reason: Reason = Reason.LIGHT) -> Wound:
    """A fibre after a cut; one that is cut is so since then, one not trusted yet is believed dark on."""
    if wound is None:
        return Wound(cut_s=at_s, reason=reason)
    cut_s = at_s if wound.cut_s is None else wound.cut_s
    return Wound(cut_s=cut_s, seen_s=wound.seen_s, reason=reason)


def spliced(wound: Wound | None, at_s: float) -> Wound | None:
    """A fibre after a splice; a cut that nobody has noticed leaves nothing behind."""
    if wound is None or wound.cut_s is None:
        return wound
    return None if wound.seen_s is None else replace(wound, cut_s=None, spliced_s=at_s)
