"""What a check measures, how far it may go, and where that limit comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """key: in report.json; unit: "" for a share or a count; meaning: what is measured; most: beyond
    it a motion is suspicious; source: where that comes from.
    """

    key: str
    unit: str
    meaning: str
    most: float
    source: str

    def at(self, value: float, reason: str, more: float = 0.0) -> "Finding":
        """A measured value; reason: what to say where it goes too far; more: what this clip is
        allowed beyond the limit (its noise, what its own motion asks for), in the same unit.
        """
        return Finding(self.key, float(value), self.most + float(more), reason)


@dataclass(frozen=True)
class Finding:
    """What a check found: a value, the most it may be, and the reason to give where it is more; ""
    where another finding's says the same.
    """

    key: str
    value: float
    most: float
    reason: str

    @property
    def suspicious(self) -> bool:
        """NaN, for what cannot be measured, is not."""
        return self.value > self.most
