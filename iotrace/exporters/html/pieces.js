// What each call and operation is made of, in time: pieces that neither overlap nor run backwards.

// Tell `each(what, begin, end, bounded)` of the pieces of a call.
function piecesOfCall(at, each) {
  const flags = calls.flags[at];
  let now = calls.enter[at];
  const end = calls.exit[at];
  if (flags & FAILING) return each(What.POLLING, now, end, false);
  const bounded = (flags & ACCOUNTED) !== 0;
  let next = now + calls.entry[at];
  if (next > now) each(What.CALL, now, next, bounded);
  now = next;
  next = now + calls.asleep[at];
  if (next > now) each(flags & SLEEPS_AS, now, next, bounded);
  now = next;
  next = now + calls.waking[at];
  if (next > now) each(What.WAKING, now, next, bounded);
  now = next;
  next = now + calls.running[at];
  if (next > now) each(What.CALL, now, next, bounded);
  if (end > next) each(flags & RECEIVES ? What.COPY : What.CALL, next, end, flags & RECEIVES ? (flags & GUESSED) !== 0 : bounded);
}

const { SEND, ACCEPT } = facts.act;

function basisOf(at, boundary) {
  return (operations.bases[at] >> (2 * boundary)) & 3;
}

// The same of an operation on a descriptor.
function piecesOfOperation(at, each) {
  const from = operations.from[at], end = operations.until[at];
  const ready = Math.max(from, end - operations.copy[at] - operations.taken[at] - (operations.early[at] ? operations.early[at] + operations.wait[at] : 0));
  const copy = Math.max(ready, end - operations.copy[at]);
  const unsure = basisOf(at, 1) !== MEASURED;
  if (operations.act[at] === SEND) return each(What.ROOM, from, end, unsure);
  if (ready > from) each(What.WAITING, from, ready, unsure);
  if (operations.act[at] === ACCEPT) {
    if (end > ready) each(What.UNREAD, ready, end, unsure);
    return undefined;
  }
  if (copy > ready) each(What.UNREAD, ready, copy, unsure);
  if (end > copy) each(What.COPY, copy, end, basisOf(at, 2) !== MEASURED);
  return undefined;
}

// [first, behind) of what a lane holds that touches the window.
function within(lane, from, to) {
  const high = lane.first + lane.count;
  if (lane.kind === "worker") return [lane.first, high];
  const [begins, ends] = lane.kind === "thread" ? [calls.enter, calls.exit] : [operations.from, operations.until];
  return [firstAtLeast(ends, from, lane.first, high), firstAtLeast(begins, to, lane.first, high)];
}

function eachPiece(lane, first, behind, each) {
  if (lane.kind === "thread") for (let at = first; at < behind; at++) piecesOfCall(at, each);
  else if (lane.kind === "descriptor") for (let at = first; at < behind; at++) piecesOfOperation(at, each);
  else
    for (let at = first; at < behind; at++) {
      each(What.COPY, workers.begin[at], workers.begin[at] + workers.copy[at], false);
    }
}

const KINDS = Object.keys(What).length;

// How long each thing lasted in each of `cells` equal cells of a window: (KINDS * cells), and so for what is bounded.
function shares(lane, from, to, cells) {
  const time = new Float32Array(KINDS * cells), unsure = new Float32Array(KINDS * cells);
  const size = (to - from) / cells;
  const add = (what, begin, end, bounded) => {
    if (end <= from || begin >= to) return;
    let low = (begin - from) / size, high = (end - from) / size;
    if (low < 0) low = 0;
    if (high > cells) high = cells;
    const first = Math.floor(low), last = Math.min(cells - 1, Math.floor(high));
    const row = what * cells;
    if (first === last) {
      time[row + first] += high - low;
      if (bounded) unsure[row + first] += high - low;
      return;
    }
    for (let cell = first; cell <= last; cell++) {
      const part = Math.min(high, cell + 1) - Math.max(low, cell);
      time[row + cell] += part;
      if (bounded) unsure[row + cell] += part;
    }
  };
  const [first, behind] = within(lane, from, to);
  eachPiece(lane, first, behind, add);
  return { time, unsure, cells };
}

// A lane of many calls is summed up once, finely; a wide window is summed up from that.
const FINE = 1 << 14, MANY = 20000;
const fine = new Map();

function sharesFor(lane, from, to, cells) {
  const span = facts.span_ns;
  const [first, behind] = within(lane, from, to);
  const apiece = (FINE * (to - from)) / span / cells; // fine cells a cell
  if (behind - first < MANY || apiece < 4) return shares(lane, from, to, cells);
  if (!fine.has(lane)) fine.set(lane, shares(lane, 0, span, FINE));
  const whole = fine.get(lane);
  const time = new Float32Array(KINDS * cells), unsure = new Float32Array(KINDS * cells);
  const begin = (from / span) * FINE;
  for (let cell = 0; cell < cells; cell++) {
    const low = Math.max(0, Math.round(begin + cell * apiece)), high = Math.min(FINE, Math.round(begin + (cell + 1) * apiece));
    for (let what = 0; what < KINDS; what++) {
      let sum = 0, doubt = 0;
      for (let at = what * FINE + low; at < what * FINE + high; at++) {
        sum += whole.time[at];
        doubt += whole.unsure[at];
      }
      time[what * cells + cell] = sum / apiece;
      unsure[what * cells + cell] = doubt / apiece;
    }
  }
  return { time, unsure, cells };
}

// What fills most of each cell; `rare` is what else must not be lost in it: a copy, a failing try, an accept.
function raster(lane, from, to, cells) {
  const { time, unsure } = sharesFor(lane, from, to, cells);
  const what = new Uint8Array(cells), bounded = new Uint8Array(cells), rare = new Uint8Array(cells);
  const base = lane.kind === "thread" ? What.OWN : What.OPEN;
  const size = (to - from) / cells;
  for (let cell = 0; cell < cells; cell++) {
    const begin = from + cell * size;
    const alive = Math.max(0, Math.min(begin + size, lane.end) - Math.max(begin, lane.begin)) / size;
    let busy = 0, most = 0, best = What.ABSENT;
    for (let kind = 0; kind < KINDS; kind++) {
      const part = time[kind * cells + cell];
      busy += part;
      if (part > most) [most, best] = [part, kind];
    }
    if (alive - busy > most) [most, best] = [alive - busy, base];
    if (1 - Math.max(alive, busy) > most) best = What.ABSENT;
    what[cell] = best;
    bounded[cell] = unsure[best * cells + cell] * 2 > most ? 1 : 0;
    if (best !== What.POLLING && time[What.POLLING * cells + cell] > 0) rare[cell] = What.POLLING;
    if (best !== What.COPY && time[What.COPY * cells + cell] > 0) rare[cell] = What.COPY;
  }
  return { what, bounded, rare, time };
}
