// What is seen: a window in time, a chosen call or operation, what is looked for. All of it is in the address.

const view = { from: 0, to: facts.span_ns, lane: 0, call: -1, operation: -1, find: "" };
let found = new Uint32Array(0);
let written = "";

const LEAST = 200; // nanoseconds: a window is never narrower

function look(from, to) {
  const span = Math.min(facts.span_ns, Math.max(LEAST, to - from));
  view.from = Math.min(Math.max(0, from), facts.span_ns - span);
  view.to = view.from + span;
  changed();
}

function zoom(factor, at = (view.from + view.to) / 2) {
  look(at - (at - view.from) * factor, at + (view.to - at) * factor);
}

function pan(part) {
  const way = (view.to - view.from) * part;
  look(view.from + way, view.to + way);
}

function choose(lane, call, operation, into = false) {
  view.lane = lane;
  view.call = call;
  view.operation = operation;
  const [begin, end] = call >= 0 ? [calls.enter[call], calls.exit[call]] : [operations.from[operation], operations.until[operation]];
  const said = call >= 0 ? describeCall(call) : describeOperation(operation);
  show(said);
  document.getElementById("said").textContent = [said.title, ...said.terms.map((pair) => pair.join(" "))].join(", ");
  const room = Math.max(LEAST, end - begin);
  if (into) look(begin - room * 0.25, end + room * 0.25);
  else if (end < view.from || begin > view.to) {
    const half = (view.to - view.from) / 2;
    look(begin - half, begin + half);
  }
  reveal(lane);
  changed();
}

// The next or previous thing on the chosen lane.
function step(by) {
  const lane = facts.lanes[view.lane];
  if (!lane || lane.kind === "worker" || !lane.count) return;
  const isCall = lane.kind === "thread";
  const begins = isCall ? calls.enter : operations.from;
  const now = isCall ? view.call : view.operation;
  const high = lane.first + lane.count;
  let at = now >= lane.first && now < high ? now + by : firstAtLeast(begins, view.from, lane.first, high);
  at = Math.min(high - 1, Math.max(lane.first, at));
  choose(view.lane, isCall ? at : -1, isCall ? -1 : at);
}

function search(text) {
  view.find = text;
  found = text.trim() ? find(text) : new Uint32Array(0);
  const said = document.getElementById("matches");
  said.textContent = text.trim() ? words.matches.replace("{count}", grouped(found.length)) : "";
  listFound();
  changed();
}

function toNeighbour(forward) {
  const now = view.call >= 0 ? calls.enter[view.call] : forward ? view.from : view.to;
  const next = neighbour(found, view.call, now, forward);
  if (next < 0) return;
  choose(facts.lanes.indexOf(laneOfCall(next)), next, -1);
}

const LISTED = 200;

function listFound() {
  const section = document.getElementById("found");
  section.hidden = !found.length;
  const body = section.querySelector("tbody");
  body.replaceChildren();
  const rows = Array.from(found.subarray(0, LISTED));
  for (const at of rows) {
    const row = element("tr"), first = element("td"), button = element("button", moment(calls.enter[at]));
    button.type = "button";
    button.addEventListener("click", () => choose(facts.lanes.indexOf(laneOfCall(at)), at, -1));
    first.append(button);
    row.append(first);
    for (const text of [laneOfCall(at).name, facts.calls[calls.code[at]], descriptorOf(at), resultOf(at), duration(calls.exit[at] - calls.enter[at])]) {
      row.append(element("td", text));
    }
    body.append(row);
  }
  section.querySelector(".more").textContent =
    found.length > LISTED ? words.more.replace("{count}", grouped(found.length - LISTED)) : "";
}

// The address keeps the view, so that a link leads back to it.
function address() {
  const parts = new URLSearchParams();
  if (view.from > 0 || view.to < facts.span_ns) {
    parts.set("from", String(Math.round(view.from)));
    parts.set("to", String(Math.round(view.to)));
  }
  if (view.call >= 0) parts.set("call", String(view.call));
  if (view.operation >= 0) parts.set("operation", String(view.operation));
  if (view.find) parts.set("find", view.find);
  if (document.getElementById("theme").value !== "auto") parts.set("theme", document.getElementById("theme").value);
  return parts.toString();
}

function remember() {
  const now = address();
  if (now === written) return;
  written = now;
  try {
    history.replaceState(null, "", `#${now}`);
  } catch {
    // A page without an address (about:srcdoc) has none to keep.
  }
}

function numberOf(parts, name, limit) {
  const value = Number(parts.get(name) ?? NaN);
  return Number.isFinite(value) && value >= 0 && value < limit ? value : -1;
}

function recall() {
  if (location.hash.slice(1) === written && written) return;
  const parts = new URLSearchParams(location.hash.slice(1));
  const from = numberOf(parts, "from", facts.span_ns), to = numberOf(parts, "to", Infinity);
  const wanted = parts.get("theme");
  if (wanted && wanted in facts.themes) document.getElementById("theme").value = wanted;
  dress();
  const text = parts.get("find") ?? "";
  document.getElementById("find").value = text;
  search(text);
  [view.call, view.operation] = [-1, -1];
  document.getElementById("details").replaceChildren(element("p", words.choose, "muted"));
  if (from < 0) look(0, facts.span_ns);
  const call = Math.floor(numberOf(parts, "call", calls.length)), operation = Math.floor(numberOf(parts, "operation", operations.length));
  if (call >= 0) choose(facts.lanes.indexOf(laneOfCall(call)), call, -1, from < 0);
  else if (operation >= 0) {
    const lane = facts.lanes.findIndex((each) => each.kind === "descriptor" && operation >= each.first && operation < each.first + each.count);
    choose(lane, -1, operation, from < 0);
  }
  if (from >= 0 && to > from) look(from, to);
}

function dress() {
  const chosen = document.getElementById("theme").value;
  wear(chosen !== "auto" ? chosen : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  drawLegend();
  changed();
}
