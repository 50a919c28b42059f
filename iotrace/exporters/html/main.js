// The page: draws what is seen when it changed, and obeys pointer and keyboard.

const overview = document.getElementById("overview"), canvas = document.getElementById("lanes");
const scroller = document.getElementById("scroller"), spacer = document.getElementById("spacer"), tip = document.getElementById("tip");
let drawing = true; // until there is something to draw

const gutter = () => Math.min(260, Math.max(112, scroller.clientWidth * 0.22));
const levelsHeight = () => facts.levels.length * LEVEL;
const plot = () => ({ left: gutter(), width: Math.max(50, scroller.clientWidth - gutter() - 12) });
const timeAt = (x) => view.from + ((x - plot().left) / plot().width) * (view.to - view.from);

function changed() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
    remember();
  });
}

function draw() {
  drawOverview();
  const { left, width } = plot(), height = scroller.clientHeight, whole = scroller.clientWidth;
  spacer.style.height = `${AXIS + levelsHeight() + facts.lanes.length * LANE + 8}px`;
  const brush = brushOf(canvas, whole, height);
  const top = AXIS - scroller.scrollTop;
  const { step: apart, ticks } = ticksOf(view.from, view.to, width);
  brush.strokeStyle = theme.rule[0];
  brush.lineWidth = 1;
  for (const at of ticks) line(brush, left + ((at - view.from) / (view.to - view.from)) * width, AXIS, left + ((at - view.from) / (view.to - view.from)) * width, height);
  facts.levels.forEach((level, number) => {
    const y = top + number * LEVEL;
    drawLevel(brush, level, view.from, view.to, left, width, y + 4, LEVEL - 10);
    drawName(brush, `${level.name} ≤ ${size(level.most)}`, y + LEVEL / 2, left, false);
  });
  const first = Math.max(0, Math.floor((-top + AXIS - levelsHeight()) / LANE) - 1);
  const behind = Math.min(facts.lanes.length, first + Math.ceil(height / LANE) + 3);
  for (let number = first; number < behind; number++) {
    const lane = facts.lanes[number], y = top + levelsHeight() + number * LANE;
    if (number === view.lane) {
      brush.fillStyle = theme.panel[0];
      brush.fillRect(0, y, whole, LANE);
    }
    drawBars(brush, lane, view.from, view.to, left, width, y + 4, LANE - 8);
    drawNames(brush, lane, view.from, view.to, left, width, y + 4, LANE - 8);
    drawAccepts(brush, lane, view.from, view.to, left, width, y + 4, LANE - 8);
    drawName(brush, lane.name, y + LANE / 2, left, number === view.lane);
  }
  drawGaps(brush, view.from, view.to, left, width, AXIS, height - AXIS);
  drawChosen(brush, top, left, width);
  drawAxis(brush, ticks, apart, left, width, whole);
}

function drawName(brush, name, middle, left, chosen) {
  brush.font = chosen ? BOLD : BODY;
  brush.fillStyle = theme.text[0];
  brush.textBaseline = "middle";
  const shown = fitted(brush, name, left - 16);
  brush.fillText(shown, left - 10 - brush.measureText(shown).width, middle + 1);
}

function drawAxis(brush, ticks, apart, left, width, whole) {
  brush.fillStyle = theme.paper[0];
  brush.fillRect(0, 0, whole, AXIS);
  brush.font = BODY;
  brush.fillStyle = theme.muted[0];
  brush.textBaseline = "middle";
  for (const at of ticks) {
    const text = tick(at, apart), wide = brush.measureText(text).width;
    const x = left + ((at - view.from) / (view.to - view.from)) * width - wide / 2;
    if (x + wide < whole - 2 && x > left - 20) brush.fillText(text, x, AXIS / 2);
  }
  brush.fillText(fitted(brush, duration(view.to - view.from), left - 16), 6, AXIS / 2);
  brush.strokeStyle = theme.rule[2];
  line(brush, left, AXIS - 0.5, left + width, AXIS - 0.5);
}

function drawChosen(brush, top, left, width) {
  const at = view.call >= 0 ? view.call : view.operation;
  if (at < 0) return;
  const [begin, end] = view.call >= 0 ? [calls.enter[at], calls.exit[at]] : [operations.from[at], operations.until[at]];
  const scale = width / (view.to - view.from);
  const x = left + Math.max(0, (begin - view.from) * scale), until = left + Math.min(width, (end - view.from) * scale);
  if (until < left || x > left + width) return;
  brush.strokeStyle = theme.text[0];
  brush.lineWidth = 2;
  brush.strokeRect(x - 1.5, top + levelsHeight() + view.lane * LANE + 1.5, Math.max(3, until - x + 3), LANE - 3);
}

function drawOverview() {
  const { left, width } = plot(), height = 44;
  const brush = brushOf(overview, scroller.clientWidth, height);
  const shown = facts.lanes.filter((lane) => lane.kind === "thread").slice(0, 4);
  const tall = Math.max(6, Math.floor((height - 12) / Math.max(1, shown.length)));
  shown.forEach((lane, number) => drawBars(brush, lane, 0, facts.span_ns, left, width, 3 + number * tall, tall - 1));
  drawGaps(brush, 0, facts.span_ns, left, width, 0, height - 8);
  const x = left + (view.from / facts.span_ns) * width, wide = Math.max(3, ((view.to - view.from) / facts.span_ns) * width);
  brush.fillStyle = theme.text[0];
  brush.globalAlpha = 0.16;
  brush.fillRect(left, 0, x - left, height);
  brush.fillRect(x + wide, 0, left + width - x - wide, height);
  brush.globalAlpha = 1;
  brush.strokeStyle = theme.text[0];
  brush.lineWidth = 1.5;
  brush.strokeRect(x, 0.75, wide, height - 1.5);
  if (!found.length) return;
  const marks = new Uint8Array(Math.ceil(width) + 1);
  for (const at of found) marks[Math.floor((calls.enter[at] / facts.span_ns) * width)] = 1;
  brush.fillStyle = theme.other[0];
  marks.forEach((yes, cell) => yes && brush.fillRect(left + cell, height - 6, 1.5, 6));
}

// The lane under a point of the canvas, and what lies there: within three pixels.
function under(x, y) {
  const number = Math.floor((y + scroller.scrollTop - AXIS - levelsHeight()) / LANE);
  const lane = facts.lanes[number];
  if (!lane || y < AXIS || x < plot().left || lane.kind === "worker") return { number, lane, at: -1 };
  const now = timeAt(x), near = ((view.to - view.from) / plot().width) * 3;
  const [begins, ends] = lane.kind === "thread" ? [calls.enter, calls.exit] : [operations.from, operations.until];
  const high = lane.first + lane.count;
  const after = firstAtLeast(ends, now, lane.first, high);
  let best = -1, least = near;
  for (const at of [after - 1, after, after + 1]) {
    if (at < lane.first || at >= high) continue;
    const away = Math.max(0, begins[at] - now, now - ends[at]);
    if (away <= least && (best < 0 || away < least)) [best, least] = [at, away];
  }
  return { number, lane, at: best, now };
}

function pick(x, y, into) {
  const { number, lane, at } = under(x, y);
  if (!lane) return;
  if (at < 0) {
    view.lane = number;
    changed();
  } else choose(number, lane.kind === "thread" ? at : -1, lane.kind === "thread" ? -1 : at, into);
}

function hover(event) {
  const { lane, at, now } = under(event.offsetX, event.offsetY);
  let lines = [];
  if (lane && at >= 0) lines = tipOf(lane.kind === "thread" ? describeCall(at) : describeOperation(at), now);
  else if (lane && event.offsetX < plot().left && lane.full) lines = [lane.name, lane.full];
  tip.hidden = !lines.length;
  if (!lines.length) return;
  tip.replaceChildren(...lines.map((text, number) => element(number ? "div" : "strong", text)));
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - box.width - 8)}px`;
  tip.style.top = `${event.clientY + 18 + box.height > window.innerHeight ? event.clientY - box.height - 12 : event.clientY + 18}px`;
}

function reveal(number) {
  const y = levelsHeight() + number * LANE, room = scroller.clientHeight - AXIS;
  if (y < scroller.scrollTop) scroller.scrollTop = y;
  else if (y + LANE > scroller.scrollTop + room) scroller.scrollTop = y + LANE - room;
}

function otherLane(by) {
  view.lane = Math.min(facts.lanes.length - 1, Math.max(0, view.lane + by));
  [view.call, view.operation] = [-1, -1];
  const lane = facts.lanes[view.lane];
  document.getElementById("said").textContent = `${lane.name} ${lane.full}`;
  reveal(view.lane);
  changed();
}

const KEYS = {
  ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), ArrowUp: () => otherLane(-1), ArrowDown: () => otherLane(1),
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => look(0, facts.span_ns), Home: () => look(0, view.to - view.from),
  End: () => look(facts.span_ns - (view.to - view.from), facts.span_ns), "]": () => step(1), "[": () => step(-1),
  Enter: () => (view.call >= 0 || view.operation >= 0 ? choose(view.lane, view.call, view.operation, true) : step(0)),
  n: () => toNeighbour(true), N: () => toNeighbour(false),
};

function obey() {
  canvas.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target.tagName !== "INPUT") {
      event.preventDefault();
      document.getElementById("find").focus();
    }
    if (event.key === "Escape") canvas.focus();
  });
  scroller.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(Math.max(-80, Math.min(80, event.deltaY)) / 160), timeAt(event.offsetX));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      pan((event.deltaX || event.deltaY) / plot().width);
    }
  }, { passive: false });
  scroller.addEventListener("scroll", changed);
  drag(canvas, (from, to, event, moved) => {
    if (event.shiftKey) return { from: timeAt(from), to: timeAt(to) };
    look(moved.from - ((to - from) / plot().width) * (moved.to - moved.from), moved.to - ((to - from) / plot().width) * (moved.to - moved.from));
    return null;
  });
  canvas.addEventListener("dblclick", (event) => pick(event.offsetX, event.offsetY, true));
  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  drag(overview, (from, to) => {
    const { left, width } = plot(), half = (view.to - view.from) / 2;
    const middle = ((to - left) / width) * facts.span_ns;
    look(middle - half, middle + half);
    return null;
  });
  const press = (id, act) => document.getElementById(id).addEventListener("click", act);
  press("in", () => zoom(0.5));
  press("out", () => zoom(2));
  press("whole", () => look(0, facts.span_ns));
  press("next", () => toNeighbour(true));
  press("previous", () => toNeighbour(false));
  document.getElementById("find").addEventListener("input", (event) => search(event.target.value));
  document.getElementById("find").addEventListener("keydown", (event) => {
    if (event.key === "Enter") toNeighbour(!event.shiftKey);
  });
  document.getElementById("theme").addEventListener("change", dress);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
  window.addEventListener("resize", changed);
  window.addEventListener("hashchange", recall);
}

// Call `move` while the pointer is down; a press that does not move chooses what lies there.
function drag(target, move) {
  target.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const start = event.offsetX, before = { from: view.from, to: view.to };
    let far = false, range = null;
    target.setPointerCapture(event.pointerId);
    const moving = (now) => {
      far ||= Math.abs(now.offsetX - start) > 3;
      if (far) range = move(start, now.offsetX, now, before);
    };
    const done = (now) => {
      target.removeEventListener("pointermove", moving);
      target.removeEventListener("pointerup", done);
      target.removeEventListener("pointercancel", done);
      if (range) look(Math.min(range.from, range.to), Math.max(range.from, range.to));
      else if (!far && target === canvas) pick(now.offsetX, now.offsetY, false);
      else if (!far) move(start, now.offsetX, now, before);
    };
    target.addEventListener("pointermove", moving);
    target.addEventListener("pointerup", done);
    target.addEventListener("pointercancel", done);
  });
}

async function start() {
  dress();
  try {
    await load();
  } catch (error) {
    document.getElementById("said").textContent = words.unread;
    document.getElementById("details").replaceChildren(element("p", `${words.unread} (${error})`));
    return;
  }
  scroller.style.height = `${Math.min(Math.max(180, AXIS + levelsHeight() + facts.lanes.length * LANE + 12), Math.max(220, window.innerHeight * 0.6))}px`;
  drawing = false;
  obey();
  recall();
  draw();
  document.documentElement.dataset.ready = "yes";
}

start();
