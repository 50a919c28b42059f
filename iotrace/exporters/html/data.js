// The recording, as columns: typed arrays, one number a call or operation. Times are nanoseconds since its begin.

const facts = JSON.parse(document.getElementById("facts").textContent);
const words = facts.words;

// Bits of a call's flags; the low five are what it slept as.
const FAILING = 1 << 5, RECEIVES = 1 << 6, ACCOUNTED = 1 << 7, GUESSED = 1 << 8, SLEPT = 1 << 9;
const READY = 1 << 10, PENDING = 1 << 11;
const SLEEPS_AS = 31;
// How well a boundary of an operation is known.
const UNSEEN = 0, BOUNDED = 1, MEASURED = 2;
const What = facts.whats;

const calls = {}; // of all threads: a lane's are those from `first`, `count` of them
const operations = {}; // of all descriptors
const workers = {}; // copies by kernel threads

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const signs = atob(text);
  const bytes = new Uint8Array(signs.length);
  for (let at = 0; at < signs.length; at++) bytes[at] = signs.charCodeAt(at);
  return bytes;
}

// The bytes of one weight lie together: put each number together again.
function numbers(bytes, count, width) {
  if (width === 1) return bytes;
  const Kind = width === 2 ? Uint16Array : width <= 4 ? Uint32Array : Float64Array;
  const found = new Kind(count);
  for (let plane = width - 1; plane >= 0; plane--) {
    const from = plane * count;
    for (let at = 0; at < count; at++) found[at] = found[at] * 256 + bytes[from + at];
  }
  return found;
}

function signed(values) {
  const found = values instanceof Float64Array ? values : new Float64Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const half = Math.floor(values[at] / 2);
    found[at] = values[at] % 2 ? -half - 1 : half;
  }
  return found;
}

async function load() {
  const element = document.getElementById("columns");
  const bytes = fromBase64(element.textContent.trim());
  element.remove();
  const columns = {};
  let at = 0;
  await Promise.all(
    Object.entries(facts.columns).map(async ([name, [count, width, size]]) => {
      const part = bytes.subarray(at, (at += size));
      columns[name] = width ? numbers(await inflate(part), count, width) : new Uint8Array(count);
    }),
  );
  readCalls(columns);
  readOperations(columns);
  readRest(columns);
}

function readCalls(columns) {
  for (const name of ["entry", "asleep", "waking", "running", "copy", "code", "life", "fd", "waker", "flags"]) {
    calls[name] = columns[name];
  }
  calls.ret = signed(columns.ret);
  calls.ready = signed(columns.ready);
  const n = columns.gap.length;
  calls.length = n;
  calls.enter = new Float64Array(n);
  calls.exit = new Float64Array(n);
  for (const lane of facts.lanes) {
    if (lane.kind !== "thread") continue;
    let now = 0;
    for (let at = lane.first; at < lane.first + lane.count; at++) {
      now = calls.enter[at] = now + columns.gap[at];
      now += columns.entry[at] + columns.asleep[at] + columns.waking[at] + columns.running[at] + columns.copy[at];
      calls.exit[at] = now;
    }
  }
}

function readOperations(columns) {
  for (const name of Object.keys(columns)) {
    if (name.startsWith("op_")) operations[name.slice(3)] = columns[name];
  }
  const n = columns.op_end.length;
  operations.length = n;
  operations.from = new Float64Array(n); // as drawn: after the operation before it on the descriptor
  operations.until = new Float64Array(n);
  for (const lane of facts.lanes) {
    if (lane.kind !== "descriptor") continue;
    let now = 0;
    for (let at = lane.first; at < lane.first + lane.count; at++) {
      const end = now + columns.op_end[at];
      const began = end - columns.op_copy[at] - columns.op_taken[at] - columns.op_wait[at] - columns.op_early[at];
      operations.from[at] = Math.max(began, now);
      operations.until[at] = now = end;
    }
  }
}

function readRest(columns) {
  workers.begin = columns.worker_begin;
  workers.copy = columns.worker_copy;
  workers.bytes = columns.worker_bytes;
  facts.levels.forEach((level, number) => {
    const steps = columns[`level_time_${number}`];
    level.time = new Float64Array(steps.length);
    let now = 0;
    for (let at = 0; at < steps.length; at++) level.time[at] = now += steps[at];
    level.bytes = columns[`level_bytes_${number}`];
  });
}

// The first of the sorted values in [low, high) that is at least `wanted`.
function firstAtLeast(values, wanted, low, high) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
