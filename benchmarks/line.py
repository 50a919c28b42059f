"""One line of the table: a figure, its peer, the ratio, and the bound it must keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """``value`` and ``peer`` in ``unit``; ``bound`` on ``ratio`` (or on ``value`` where there is no peer)."""

    what: str
    value: float
    unit: str
    peer: float | None = None
    peer_name: str = ""
    bound: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value over its peer's."""
        return self.value / self.peer if self.peer else None

    @property
    def kept(self) -> bool | None:
        """Whether the bound holds; None where there is none."""
        if self.bound is None:
            return None
        return (self.ratio if self.peer is not None else self.value) <= self.bound  # type: ignore[operator]
