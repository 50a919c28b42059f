"""Figures: pictures worth a slide, as scenes without a medium (:mod:`iotrace.figures.scene`)."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from iotrace.figures.page import NothingToDraw, Request
from iotrace.figures.scene import HEIGHTS, Scene
from iotrace.language import N_

__all__ = ["HEIGHTS", "KINDS", "Kind", "NothingToDraw", "Request", "Scene", "draw"]


class Kind(NamedTuple):
    """A kind of figure: its name, its line in the list (a message), and how many recordings it takes at most.

    Its module in this folder has the name, and a function of the same name: from :class:`Request` to
    :class:`Scene`.
    """

    name: str
    line: str
    most: int = 1


KINDS: tuple[Kind, ...] = (
    Kind(
        "model", N_("one operation as Stevens draws the five models: application, kernel, calls and returns")
    ),
    Kind("comparison", N_("recordings side by side, their phases aligned: Stevens' figure 6.6"), 6),
    Kind("timeline", N_("threads and descriptors as lanes over the whole run")),
    Kind("conversation", N_("who sent, when it lay ready, who took it: clients, kernel buffers, server")),
    Kind("scaling", N_("what select, poll and epoll_wait cost as their sets grow")),
    Kind("buffer", N_("how full a kernel buffer was, and when it blocked its sender")),
    Kind("latency", N_("how long calls were asleep: a histogram")),
)


def draw(name: str, request: Request) -> Scene:
    """Draw a kind of :data:`KINDS`. Raises :class:`NothingToDraw` where the recording has nothing of it."""
    function = getattr(import_module(f"iotrace.figures.{name}"), name)
    scene = function(request)
    assert isinstance(scene, Scene)
    return scene
