// What is looked for: words of one line, all of which a call must meet.
//   recv         the call's name holds it            fd:5    thread:123
//   EAGAIN       it failed with that; error: it failed at all
//   >10ms  <5us  it took longer, shorter             asleep  it slept
//   anything else: what its descriptor is called holds it

const UNITS = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

function conditionOf(word) {
  let found = /^([<>])(\d+(?:\.\d+)?)(ns|us|µs|ms|s)$/.exec(word);
  if (found) {
    const limit = Number(found[2]) * UNITS[found[3]], longer = found[1] === ">";
    return (at) => calls.exit[at] - calls.enter[at] > limit === longer;
  }
  if ((found = /^fd:(\d+)$/i.exec(word))) {
    const fd = Number(found[1]) + 1;
    return (at) => calls.fd[at] === fd;
  }
  if ((found = /^thread:(\d+)$/i.exec(word))) {
    const lane = facts.lanes.find((each) => each.kind === "thread" && each.tid === Number(found[1]));
    return lane ? (at) => at >= lane.first && at < lane.first + lane.count : () => false;
  }
  const lower = word.toLowerCase();
  if (lower === "error") return (at) => calls.ret[at] < 0;
  if (lower === "asleep") return (at) => (calls.flags[at] & SLEPT) !== 0;
  const failed = Object.keys(facts.errors).filter((number) => facts.errors[number].toLowerCase() === lower).map(Number);
  if (failed.length) return (at) => calls.ret[at] === failed[0];
  const named = Uint8Array.from(facts.calls, (name) => (name.includes(lower) ? 1 : 0));
  if (named.some((yes) => yes)) return (at) => named[calls.code[at]] === 1;
  const lives = Uint8Array.from([["", ""], ...facts.descriptors], ([, name]) => (name.toLowerCase().includes(lower) ? 1 : 0));
  lives[0] = 0;
  return (at) => lives[calls.life[at]] === 1;
}

// The calls that meet all words, as they lie in the columns.
function find(text) {
  const conditions = text.trim().split(/\s+/).filter(Boolean).map(conditionOf);
  if (!conditions.length) return new Uint32Array(0);
  const found = new Uint32Array(calls.length);
  let count = 0;
  for (let at = 0; at < calls.length; at++) {
    let all = true;
    for (const condition of conditions) if (!condition(at)) { all = false; break; }
    if (all) found[count++] = at;
  }
  return found.subarray(0, count);
}

// Among the found calls the next one (or the one before) in time, seen from a moment and a call.
function neighbour(found, at, now, forward) {
  let best = -1;
  for (const each of found) {
    const begin = calls.enter[each];
    const after = begin > now || (begin === now && each > at);
    if (each === at || after !== forward) continue;
    if (best < 0 || begin < calls.enter[best] === forward) best = each;
  }
  return best;
}
