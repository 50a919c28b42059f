"""Lanes and segments in time, for any medium: nothing here knows a colour, a glyph or a pixel."""

from iotrace.timeline.build import Timeline, alive_until, build, window_of
from iotrace.timeline.course import Course, Spell, course
from iotrace.timeline.lanes import BLOCKED, Lane, Track, What
from iotrace.timeline.levels import highest
from iotrace.timeline.magnify import Magnified, Step, magnify, typical
from iotrace.timeline.raster import Mark, Raster, Run, rasterise
from iotrace.timeline.ticks import Tick, ticks

__all__ = [
    "BLOCKED",
    "Course",
    "Lane",
    "Magnified",
    "Mark",
    "Raster",
    "Run",
    "Spell",
    "Step",
    "Tick",
    "Timeline",
    "Track",
    "What",
    "alive_until",
    "build",
    "course",
    "highest",
    "magnify",
    "rasterise",
    "ticks",
    "typical",
    "window_of",
]
