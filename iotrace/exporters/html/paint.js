// Draws lanes on canvases. Colours and hatches come from the theme; words from the page.

const LANE = 30, AXIS = 26, LEVEL = 44;
const BODY = "13px 'Noto Sans', system-ui, sans-serif", BOLD = "600 13px 'Noto Sans', system-ui, sans-serif";
let theme = facts.themes.light;
let patterns = new Map();

function wear(name) {
  theme = facts.themes[name];
  patterns = new Map();
  const root = document.documentElement;
  root.dataset.theme = name;
  for (const [meaning, [fill, , edge, ink, word]] of Object.entries(theme)) {
    root.style.setProperty(`--${meaning}`, fill);
    root.style.setProperty(`--${meaning}-edge`, edge);
    root.style.setProperty(`--${meaning}-ink`, ink);
    root.style.setProperty(`--${meaning}-word`, word);
  }
}

// Hatch the legend as the bars are hatched.
function drawLegend() {
  const brush = document.createElement("canvas").getContext("2d");
  for (const meaning of Object.keys(theme)) {
    for (const entry of document.querySelectorAll(`#legend .${meaning}`)) entry.style.backgroundImage = "none";
    hatchOf(brush, meaning);
  }
}

function lookOf(what) {
  const [meaning, label, height] = facts.looks[what] ?? ["idle", "", 1];
  return { meaning, label, height, colours: theme[meaning] };
}

// A meaning's hatch as a pattern of eight points; null where it has none.
function hatchOf(context, meaning) {
  if (patterns.has(meaning)) return patterns.get(meaning);
  const [, stroke, , , , hatch] = theme[meaning];
  const tile = document.createElement("canvas");
  tile.width = tile.height = hatch === "sparse" || hatch === "ruled" || hatch === "specks" ? 14 : 8;
  const size = tile.width, brush = tile.getContext("2d");
  brush.strokeStyle = brush.fillStyle = stroke;
  brush.globalAlpha = 0.75;
  const line = (...points) => {
    brush.beginPath();
    for (let at = 0; at < points.length; at += 4) {
      brush.moveTo(points[at], points[at + 1]);
      brush.lineTo(points[at + 2], points[at + 3]);
    }
    brush.stroke();
  };
  const rising = [0, size, size, 0, -1, 1, 1, -1, size - 1, size + 1, size + 1, size - 1];
  const falling = [0, 0, size, size, -1, size - 1, 1, size + 1, size - 1, -1, size + 1, 1];
  const across = [0, size / 2, size, size / 2], down = [size / 2, 0, size / 2, size];
  const lines = {
    rising, sparse: rising, falling, cross: [...rising, ...falling], vertical: down, horizontal: across, ruled: across,
    grid: [...across, ...down],
  }[hatch];
  if (lines) line(...lines);
  else if (hatch !== "none") brush.fillRect(size / 2 - 1, size / 2 - 1, 2, 2);
  const pattern = hatch === "none" ? null : context.createPattern(tile, "repeat");
  if (pattern) {
    const image = `url(${tile.toDataURL()})`;
    for (const entry of document.querySelectorAll(`#legend .${meaning}`)) entry.style.backgroundImage = image;
  }
  patterns.set(meaning, pattern);
  return pattern;
}

// Fit a canvas to its element, one dot a pixel of the screen; return its brush in CSS pixels.
function brushOf(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const brush = canvas.getContext("2d");
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, width, height);
  return brush;
}

// As much of a text's begin and end as fits: what tells lanes apart is often at the end.
function fitted(brush, text, room) {
  if (brush.measureText(text).width <= room) return text;
  const cut = (kept) => `${text.slice(0, kept >> 1)}…${text.slice(text.length - kept + (kept >> 1))}`;
  let low = 0, high = text.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (brush.measureText(cut(middle)).width <= room) low = middle;
    else high = middle - 1;
  }
  return low ? cut(low) : "";
}

// From below: the copy, which is the proof, then what costs, then what waits.
const STACKED = ["COPY", "CALL", "POLLING", "WAKING", "UNREAD", "ROOM", "BLOCKED_OTHER", "BLOCKED_TRANSFER", "BLOCKED_WAIT", "WAITING", "NAP"].map((name) => What[name]);

// Draw the bars of one lane into [left, left + width) at `top`.
function drawBars(brush, lane, from, to, left, width, top, height) {
  const cells = Math.max(1, Math.floor(width));
  const { what, bounded, rare, time } = raster(lane, from, to, cells);
  const middle = top + height / 2;
  // Something short in every cell is no event but the rule: such cells are stacked by share.
  const inner = (cell) => rare[cell] && rare[cell - 1] && rare[cell + 1];
  const dense = (cell) => inner(cell) || inner(cell - 1) || inner(cell + 1);
  for (let first = 0; first < cells; ) {
    let behind = first + 1;
    while (behind < cells && what[behind] === what[first] && bounded[behind] === bounded[first]) behind++;
    const kind = what[first];
    if (kind !== What.ABSENT) bar(brush, kind, bounded[first], left + first, behind - first, middle, height);
    first = behind;
  }
  for (let cell = 0; cell < cells; cell++) {
    if (!rare[cell]) continue;
    if (dense(cell)) {
      stack(brush, time, cells, cell, lane, left + cell, top, height);
      continue;
    }
    const tall = rare[cell] === What.COPY ? height : 5;
    brush.fillStyle = lookOf(rare[cell]).colours[0];
    brush.fillRect(left + cell, top + height - tall, 1.5, tall);
  }
}

// Draw a cell as a column of its things, each as high as its share of the time.
function stack(brush, time, cells, cell, lane, x, top, height) {
  brush.fillStyle = theme.paper[0];
  brush.fillRect(x, top, 1, height);
  let busy = 0;
  for (let kind = 0; kind < KINDS; kind++) busy += time[kind * cells + cell];
  let y = top + height;
  const lay = (kind, part) => {
    brush.fillStyle = lookOf(kind).colours[0];
    brush.fillRect(x, y - part * height, 1, part * height);
    y -= part * height;
  };
  for (const kind of STACKED) if (time[kind * cells + cell] > 0) lay(kind, time[kind * cells + cell]);
  if (lane.kind === "thread" && busy < 1) lay(What.OWN, 1 - busy);
}

function bar(brush, kind, bounded, x, length, middle, full) {
  const { meaning, height, colours } = lookOf(kind);
  if (meaning === "idle") {
    brush.strokeStyle = colours[2];
    brush.lineWidth = 1.2;
    line(brush, x, middle, x + length, middle);
    return;
  }
  const tall = full * height;
  brush.fillStyle = colours[0];
  brush.fillRect(x, middle - tall / 2, length, tall);
  const hatch = length >= 6 ? hatchOf(brush, meaning) : null;
  if (hatch) {
    brush.fillStyle = hatch;
    brush.fillRect(x, middle - tall / 2, length, tall);
  }
  if (length < 4) return;
  brush.strokeStyle = colours[2];
  brush.lineWidth = 0.8;
  if (bounded) brush.setLineDash([4, 3]);
  brush.strokeRect(x + 0.4, middle - tall / 2, length - 0.8, tall);
  brush.setLineDash([]);
}

function line(brush, x1, y1, x2, y2) {
  brush.beginPath();
  brush.moveTo(x1, y1);
  brush.lineTo(x2, y2);
  brush.stroke();
}

// Write the names of calls into bars that have the room: only where few enough are seen to be read.
function drawNames(brush, lane, from, to, left, width, top, height) {
  if (lane.kind !== "thread") return;
  const [first, behind] = within(lane, from, to);
  if (behind - first > 400) return;
  const scale = width / (to - from);
  brush.font = BODY;
  brush.textBaseline = "middle";
  for (let at = first; at < behind; at++) {
    const asleep = calls.asleep[at] > 0 ? calls.flags[at] & SLEEPS_AS : What.CALL;
    let widest = 0, x = 0, room = 0, as = What.CALL;
    piecesOfCall(at, (what, begin, end) => {
      if (end - begin <= widest) return;
      [widest, as] = [end - begin, what];
      x = left + Math.max(0, (begin - from) * scale);
      room = Math.min(left + width, left + (end - from) * scale) - x;
    });
    if (room < 30) continue;
    const name = facts.calls[calls.code[at]];
    const text = calls.fd[at] ? `${name}  ${calls.fd[at] - 1}` : name;
    const shown = [text, name].find((words) => brush.measureText(words).width <= room - 10);
    if (!shown) continue;
    const colours = lookOf(as === What.NAP ? asleep : as).colours;
    const wide = brush.measureText(shown).width;
    brush.fillStyle = colours[0];
    brush.fillRect(x + room / 2 - wide / 2 - 3, top + height / 2 - 9, wide + 6, 18);
    brush.fillStyle = colours[3];
    brush.fillText(shown, x + room / 2 - wide / 2, top + height / 2 + 1);
  }
}

function drawAccepts(brush, lane, from, to, left, width, top, height) {
  if (lane.kind !== "descriptor") return;
  const [first, behind] = within(lane, from, to);
  if (behind - first > 2000) return;
  brush.fillStyle = theme.copy[0];
  for (let at = first; at < behind; at++) {
    if (operations.act[at] !== ACCEPT || operations.until[at] > to) continue;
    const x = left + ((operations.until[at] - from) / (to - from)) * width, y = top + height / 2;
    brush.beginPath();
    brush.moveTo(x, y - 6);
    brush.lineTo(x + 6, y);
    brush.lineTo(x, y + 6);
    brush.lineTo(x - 6, y);
    brush.fill();
  }
}

function drawGaps(brush, from, to, left, width, top, height) {
  for (const [first, last] of facts.gaps) {
    const x = left + ((Math.max(from, first) - from) / (to - from)) * width;
    const wide = Math.max(2, (Math.min(to, last) - Math.max(from, first)) * (width / (to - from)));
    if (last < from || first > to) continue;
    brush.fillStyle = theme.lost[0];
    brush.fillRect(x, top, wide, height);
    brush.fillStyle = hatchOf(brush, "lost") ?? theme.lost[1];
    brush.fillRect(x, top, wide, height);
    brush.strokeStyle = theme.lost[2];
    brush.strokeRect(x, top, wide, height);
  }
}

function drawLevel(brush, level, from, to, left, width, top, height) {
  const low = Math.max(0, firstAtLeast(level.time, from, 0, level.time.length) - 1);
  const high = firstAtLeast(level.time, to, 0, level.time.length);
  const most = new Float64Array(Math.max(1, Math.floor(width)));
  const cell = (time) => Math.min(most.length - 1, Math.max(0, Math.floor(((time - from) / (to - from)) * most.length)));
  for (let at = low; at < high; at++) {
    const until = at + 1 < level.time.length ? level.time[at + 1] : to;
    for (let x = cell(level.time[at]); x <= cell(Math.min(until, to)); x++) most[x] = Math.max(most[x], level.bytes[at]);
  }
  brush.fillStyle = theme.ready[0];
  brush.strokeStyle = theme.ready[2];
  brush.beginPath();
  brush.moveTo(left, top + height);
  most.forEach((bytes, x) => brush.lineTo(left + x, top + height - (height * bytes) / Math.max(1, level.most)));
  brush.lineTo(left + width, top + height);
  brush.fill();
  brush.stroke();
}
