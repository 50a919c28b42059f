"""A scene's items as a slide's own shapes: each can be moved, recoloured and retyped in a slide program.

A hatch is one shape of lines, in a group with the bar that it is on. Pattern fills are not used: slide
programs draw them as fine as their screen's pixels, LibreOffice as hairlines of other kinds, others not at
all. A brace and a sign are the program's own braces and signs, an arrow is a connector with a head. A shape
is named by what it belongs to, and its alternative text is the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

from pptx.dml.color import RGBColor
from pptx.dml.line import LineFormat
from pptx.enum.dml import MSO_LINE
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.oxml.shapes.groupshape import CT_GroupShape
from pptx.shapes.group import GroupShape
from pptx.util import Emu, Pt

from iotrace.figures import hatching, outline
from iotrace.figures.page import MARGIN, TITLE, legible
from iotrace.figures.scene import (
    WIDTH,
    Anchor,
    Area,
    Brace,
    Dot,
    Group,
    Item,
    Line,
    Point,
    Rect,
    Scene,
    Shape,
    Stroke,
    Text,
)
from iotrace.figures.scene import line_colour as colour_of
from iotrace.theme import Meaning, Theme

#: Fonts that slide programs have, or have one of the same widths for: Latin, Chinese.
FONT, CHINESE = "Arial", "Microsoft YaHei"

#: How far Arial rises over its baseline, in its size.
ASCENT = 0.905

#: English Metric Units a point.
_EMU = 12700

_SIGNS = {
    Shape.CIRCLE: MSO_SHAPE.OVAL,
    Shape.SQUARE: MSO_SHAPE.RECTANGLE,
    Shape.TRIANGLE: MSO_SHAPE.ISOSCELES_TRIANGLE,
    Shape.DIAMOND: MSO_SHAPE.DIAMOND,
}
_DASHES = {Stroke.DASHED: MSO_LINE.DASH, Stroke.DOTTED: MSO_LINE.ROUND_DOT}
_ALIGNED = {Anchor.START: PP_ALIGN.LEFT, Anchor.MIDDLE: PP_ALIGN.CENTER, Anchor.END: PP_ALIGN.RIGHT}


def draw(slide: Any, scene: Scene, theme: Theme) -> None:
    """Draw a scene onto an empty slide of its size."""
    ground(slide, theme)
    slide.shapes.turbo_add_enabled = True  # or each new shape looks through all others for a free number
    heading = next((item for item in scene.items if _is_title(item)), None)
    if heading is not None:
        title(slide, heading.words, theme)
    _all(slide.shapes, [item for item in scene.items if item is not heading], theme, "", "")


def _is_title(item: Item) -> TypeGuard[Text]:
    return isinstance(item, Text) and item.size == TITLE and item.bold


def ground(slide: Any, theme: Theme) -> None:
    """Colour a slide's paper."""
    slide.background.fill.solid()
    slide.background.fill.fore_color.rgb = rgb(theme.paper)


def title(slide: Any, words: str, theme: Theme) -> None:
    """Write the slide's own title, which an outline lists, where a figure's is."""
    holder = slide.shapes.title
    holder.left, holder.top = emu(MARGIN), emu(50 - ASCENT * TITLE)
    holder.width, holder.height = emu(WIDTH - 2 * MARGIN), emu(TITLE * 1.2)
    frame = holder.text_frame
    bare(frame)
    frame.word_wrap = False
    frame.auto_size = MSO_AUTO_SIZE.NONE
    frame.paragraphs[0].alignment = PP_ALIGN.LEFT
    write(frame.paragraphs[0], words, TITLE, theme[Meaning.TEXT].word, True)


def emu(points: float) -> Emu:
    """Return a length in points in the unit of slides."""
    return Emu(round(points * _EMU))


def _all(shapes: Any, items: Sequence[Item], theme: Theme, name: str, evidence: str) -> None:
    for item in items:
        match item:
            case Group():
                told = [part for part in (item.title, item.evidence) if part]
                _all(shapes, item.items, theme, item.title or name, ". ".join(told) or evidence)
                continue
            case Rect(0, 0, meaning=Meaning.PAPER):
                continue  # the slide's ground
            case Rect():
                shape = _rect(shapes, item, theme)
            case Line():
                shape = _line(shapes, item, theme)
            case Area():
                shape = _area(shapes, item, theme)
            case Brace():
                shape = _brace(shapes, item, theme)
            case Dot():
                shape = _dot(shapes, item, theme)
            case Text():
                shape = _text(shapes, item, theme)
        for style in list(shape._element.iter(qn("p:style"))):
            style.getparent().remove(style)  # the template's own look, with its shadows
        if name:
            _tell(shape, name, evidence)


def _tell(shape: Any, name: str, evidence: str) -> None:
    first, *parts = shape._element.xpath(".//p:cNvPr")
    for properties in (first, *parts):
        properties.set("name", legible(name)[:200])
    if evidence:
        first.set("descr", legible(evidence))


def _rect(shapes: Any, item: Rect, theme: Theme) -> Any:
    kind = MSO_SHAPE.ROUNDED_RECTANGLE if item.radius else MSO_SHAPE.RECTANGLE
    shape = shapes.add_shape(kind, emu(item.x), emu(item.y), emu(item.width), emu(item.height))
    if item.radius:
        shape.adjustments[0] = min(0.5, item.radius / max(min(item.width, item.height), 0.01))
    swatch = theme[item.meaning]
    _fill(shape, swatch.fill)
    if item.outlined:
        _stroke(shape.line, swatch.edge, item.weight * (1.6 if theme.bold else 1), item.stroke)
    else:
        shape.line.fill.background()
    return shape if item.plain else _hatched(shapes, shape, outline.hatch(item, theme), swatch.stroke)


def _fill(shape: Any, colour: str) -> None:
    shape.fill.solid()
    shape.fill.fore_color.rgb = rgb(colour)


def _hatched(shapes: Any, shape: Any, lines: Sequence[hatching.Segment], colour: str) -> Any:
    """Lay lines over a shape, and return the group of both; the shape itself where there are none."""
    if not lines:
        return shape
    ends = [[(round(x * _EMU), round(y * _EMU)) for x, y in ((x1, y1), (x2, y2))] for x1, y1, x2, y2 in lines]
    builder = shapes.build_freeform(*ends[0][0], scale=1.0)
    for number, (start, stop) in enumerate(ends):
        if number:
            builder.move_to(*start)
        builder.add_line_segments([stop], close=False)
    hatch = _numbered(shapes, builder.convert_to_shape())
    hatch.fill.background()
    _stroke(hatch.line, colour, outline.HATCH_WEIGHT, Stroke.SOLID)
    number = shapes._next_shape_id  # its own: python-pptx would look through all shapes for a free one
    group = CT_GroupShape.new_grpSp(number, f"Group {number}")
    shapes._element.insert_element_before(group, "p:extLst")
    for member in (shape, hatch):
        group.insert_element_before(member._element, "p:extLst")
    group.recalculate_extents()
    return GroupShape(group, shapes)


def _line(shapes: Any, item: Line, theme: Theme) -> Any:
    colour, weight = colour_of(theme, item.meaning), item.weight * (1.4 if theme.bold else 1)
    if len(item.points) == 2:
        (x1, y1), (x2, y2) = item.points
        shape = shapes.add_connector(MSO_CONNECTOR.STRAIGHT, emu(x1), emu(y1), emu(x2), emu(y2))
    else:
        shape = _way(shapes, item.points, False)
        shape.fill.background()
    _stroke(shape.line, colour, weight, item.stroke)
    if item.head:
        line = shape.line._get_or_add_ln()
        head = line.makeelement(qn("a:tailEnd"), {"type": "triangle", "w": "lg", "len": "lg"})
        line.append(head)
    return shape


def _area(shapes: Any, item: Area, theme: Theme) -> Any:
    swatch = theme[item.meaning]
    first, last = item.points[0][0], item.points[-1][0]
    shape = _way(shapes, [(first, item.floor), *item.points, (last, item.floor)], True)
    _fill(shape, swatch.fill)
    shape.line.fill.background()
    shape = _hatched(shapes, shape, outline.hatch_under(item, theme), swatch.stroke)
    if len(item.points) > 1:
        bound = _way(shapes, item.points, False)
        bound._element.remove(bound._element.find(qn("p:style")))
        bound.fill.background()
        _stroke(bound.line, swatch.edge, 1.5, Stroke.SOLID)
    return shape


def _brace(shapes: Any, item: Brace, theme: Theme) -> Any:
    kind = MSO_SHAPE.RIGHT_BRACE if item.right else MSO_SHAPE.LEFT_BRACE
    left = item.x if item.right else item.x - item.depth
    height = item.bottom - item.top
    shape = shapes.add_shape(kind, emu(left), emu(item.top), emu(item.depth), emu(height))
    shape.fill.background()
    _stroke(shape.line, colour_of(theme, item.meaning), item.weight, Stroke.SOLID)
    return shape


def _dot(shapes: Any, item: Dot, theme: Theme) -> Any:
    half = item.size / 2
    at = emu(item.x - half), emu(item.y - half), emu(item.size), emu(item.size)
    shape = shapes.add_shape(_SIGNS[item.shape], *at)
    shape.fill.solid()
    shape.fill.fore_color.rgb = rgb(theme[item.meaning].edge)
    _stroke(shape.line, theme.paper, 1.0, Stroke.SOLID)
    return shape


def _text(shapes: Any, item: Text, theme: Theme) -> Any:
    top = item.y - ASCENT * item.size
    shape = shapes.add_textbox(emu(item.left), emu(top), emu(item.width), emu(item.size * 1.2))
    frame = shape.text_frame
    bare(frame)
    frame.word_wrap = False
    frame.auto_size = MSO_AUTO_SIZE.NONE
    paragraph = frame.paragraphs[0]
    paragraph.alignment = _ALIGNED[item.anchor]
    colour = theme[item.inside].ink if item.inside else theme[item.meaning].word
    write(paragraph, item.words, item.size, colour, item.bold)
    return shape


def bare(frame: Any) -> None:
    """Leave no margin between a frame's text and its edge; the text begins at its top."""
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.vertical_anchor = MSO_ANCHOR.TOP


def write(paragraph: Any, words: str, size: float, colour: str, bold: bool = False, font: str = FONT) -> None:
    """Add words to a paragraph; colour is ``#RRGGBB``, size in points."""
    run = paragraph.add_run()
    run.text = legible(words)
    run.font.size = Pt(size)
    run.font.bold = bold
    run.font.name = font
    run.font.color.rgb = rgb(colour)
    properties = run._r.get_or_add_rPr()
    latin = properties.find(qn("a:latin"))
    latin.addnext(properties.makeelement(qn("a:ea"), {"typeface": CHINESE}))


def _way(shapes: Any, points: Sequence[Point], closed: bool) -> Any:
    (x, y), *rest = [(round(a * _EMU), round(b * _EMU)) for a, b in points]
    builder = shapes.build_freeform(x, y, scale=1.0)
    builder.add_line_segments(rest, close=closed)
    return _numbered(shapes, builder.convert_to_shape())


def _numbered(shapes: Any, shape: Any) -> Any:
    """Give a freeform a number of its own: its builder takes none from the slide's count."""
    shape._element.xpath(".//p:cNvPr")[0].set("id", str(shapes._next_shape_id))
    return shape


def _stroke(line: LineFormat, colour: str, weight: float, stroke: Stroke) -> None:
    line.color.rgb = rgb(colour)
    line.width = Pt(weight)
    if stroke is not Stroke.SOLID:
        line.dash_style = _DASHES[stroke]


def rgb(colour: str) -> Any:
    """Return the colour ``#RRGGBB`` as python-pptx takes it."""
    return RGBColor(*bytes.fromhex(colour.removeprefix("#")))  # type: ignore[no-untyped-call]
