// The evidence of one call or operation: its pieces, each with its length and basis.

function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function descriptorOf(at) {
  if (calls.life[at]) {
    const [fd, name] = facts.descriptors[calls.life[at] - 1];
    return `fd ${calls.fd[at] ? calls.fd[at] - 1 : fd} ${name}`;
  }
  return calls.fd[at] ? `fd ${calls.fd[at] - 1}` : "";
}

function resultOf(at) {
  if (calls.flags[at] & PENDING) return words.in_flight;
  const value = calls.ret[at];
  if (value < 0) return facts.errors[value] ?? String(value);
  return calls.flags[at] & RECEIVES ? `${value} (${size(value)})` : String(value);
}

function threadOf(place) {
  return words.thread_named.replace("{tid}", facts.tids[place]);
}

function laneOfCall(at) {
  return facts.lanes.find((lane) => lane.kind === "thread" && at >= lane.first && at < lane.first + lane.count);
}

// What is said of a call: title, facts [term, words], pieces [what, begin, end, bounded].
function describeCall(at) {
  const flags = calls.flags[at], lane = laneOfCall(at);
  const pieces = [];
  piecesOfCall(at, (...piece) => pieces.push(piece));
  const terms = [
    [words.thread, lane.name],
    [words.descriptor, descriptorOf(at)],
    [words.result, resultOf(at)],
    [words.begin, moment(calls.enter[at])],
    [words.length, duration(calls.exit[at] - calls.enter[at])],
  ];
  if (flags & READY) {
    const early = calls.ready[at] < 0;
    terms.push([words.ready, (early ? words.before_call : words.into_call).replace("{time}", duration(Math.abs(calls.ready[at])))]);
  }
  if (calls.waker[at]) terms.push([words.woken_by, threadOf(calls.waker[at])]);
  if (flags & ACCOUNTED) terms.push([words.basis, words.accounted]);
  return { title: facts.calls[calls.code[at]], terms: terms.filter(([, value]) => value), pieces, mark: flags & ACCOUNTED };
}

const PHASES = ["free_ns", "polling_ns", "queued_ns", "in_wait_ns", "in_transfer_ns", "in_signal_ns", "in_ring_ns", "in_other_ns"];

function describeOperation(at) {
  const pieces = [];
  piecesOfOperation(at, (...piece) => pieces.push(piece));
  const lane = facts.lanes.find((each) => each.kind === "descriptor" && at >= each.first && at < each.first + each.count);
  const wait = operations.wait[at], basis1 = Math.min(basisOf(at, 0), basisOf(at, 1));
  const where = PHASES.map((name) => [name, operations[name][at]]).filter(([, ns]) => ns > 0);
  const terms = [
    [words.descriptor, lane.full],
    [words.model, facts.models[operations.model[at]]],
    [words.bytes, operations.bytes[at] ? size(operations.bytes[at]) : ""],
    [words.phase1, marked(duration(wait), basis1)],
    ...where.map(([name, ns]) => [words[name], marked(`${duration(ns)} (${((100 * ns) / Math.max(1, wait)).toFixed(1)} %)`, basis1)]),
    [words.between, marked(duration(operations.taken[at]), Math.min(basisOf(at, 1), basisOf(at, 2)))],
    [words.phase2, operations.act[at] === ACCEPT ? "" : marked(duration(operations.copy[at]), Math.min(basisOf(at, 2), basisOf(at, 3)))],
    [words.tries, operations.tries[at] ? String(operations.tries[at]) : ""],
    [words.waited_by, operations.waiter[at] ? threadOf(operations.waiter[at]) : ""],
    [words.copied_by, operations.how[at] & 2 ? words.kernel_thread : operations.tid[at] ? threadOf(operations.tid[at]) : ""],
    [words.early, operations.early[at] ? duration(operations.early[at]) : ""],
  ];
  return { title: facts.acts[operations.act[at]], terms: terms.filter(([, value]) => value), pieces };
}

function marked(text, basis) {
  return basis === MEASURED ? text : basis === BOUNDED ? `≈ ${text}` : `? ${words.unseen}`;
}

// The pieces as a bar in which the short ones have room, each with its words under it.
function magnified(pieces) {
  const bar = element("ol", "", "magnified");
  const whole = pieces.reduce((sum, [, begin, end]) => sum + end - begin, 0);
  for (const [what, begin, end, bounded] of pieces) {
    const { meaning, label } = lookOf(what);
    const piece = element("li", "", bounded ? "piece bounded" : "piece");
    piece.style.flexGrow = String(1 + 6 * Math.sqrt((end - begin) / Math.max(1, whole)));
    const colour = element("span", "", "colour");
    colour.style.background = `var(--${meaning})`;
    colour.style.borderColor = `var(--${meaning}-edge)`;
    piece.append(colour, element("span", label, "label"), element("span", `${bounded ? "≈ " : ""}${duration(end - begin)}`, "time"));
    bar.append(piece);
  }
  return bar;
}

function show({ title, terms, pieces }) {
  const panel = document.getElementById("details");
  const list = element("dl");
  for (const [term, value] of terms) {
    const pair = element("div");
    pair.append(element("dt", term), element("dd", value));
    list.append(pair);
  }
  panel.replaceChildren(element("h2", title), magnified(pieces), list);
}

// One line for the tip beside the pointer.
function tipOf({ title, terms, pieces }, now) {
  const piece = pieces.find(([, begin, end]) => now >= begin && now < end);
  const lines = [title];
  if (piece) lines.push(`${lookOf(piece[0]).label}: ${piece[3] ? "≈ " : ""}${duration(piece[2] - piece[1])}`);
  for (const [term, value] of terms) lines.push(`${term}: ${value}`);
  return lines;
}
