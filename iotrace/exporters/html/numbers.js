// Numbers for people; a duration as the terminal writes it.

function grouped(value) {
  return Math.abs(value) >= 10000 ? String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f") : String(value);
}

function duration(ns) {
  if (ns < 0) return `-${duration(-ns)}`;
  if (ns >= 999950000) return ns / 1e9 < 100 ? `${(ns / 1e9).toFixed(3)} s` : `${grouped(Math.round(ns / 1e9))} s`;
  if (ns >= 999500) return `${(ns / 1e6).toFixed(1)} ms`;
  if (ns >= 1000) return ns < 10000 ? `${(ns / 1e3).toFixed(1)} µs` : `${Math.round(ns / 1e3)} µs`;
  return `${Math.round(ns)} ns`;
}

// A moment, to the microsecond and further where a window is so narrow.
function moment(ns, step = 1) {
  const digits = step >= 1e6 ? 3 : step >= 1e3 ? 6 : 9;
  return `${(ns / 1e9).toFixed(digits)} s`;
}

function size(bytes) {
  for (const [unit, step] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    const value = bytes / step;
    if (value >= 1) return `${value.toFixed(value >= 99.95 || (value % 1 === 0 && value >= 10) ? 0 : 1)} ${unit}`;
  }
  return `${bytes} B`;
}

// Ticks of a window: 1, 2 or 5 times a power of ten apart.
function ticksOf(from, to, room) {
  const least = ((to - from) * 110) / Math.max(1, room);
  let step = 10 ** Math.ceil(Math.log10(Math.max(1, least)));
  for (const part of [5, 2]) if (step / part >= least) { step /= part; break; }
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return { step, ticks: found };
}

// A tick's words, in the unit that its step asks for.
function tick(ns, step) {
  if (ns === 0) return "0";
  const [unit, size] = step >= 1e8 ? ["s", 1e9] : step >= 1e5 ? ["ms", 1e6] : step >= 100 ? ["µs", 1e3] : ["ns", 1];
  const digits = Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9));
  return `${(ns / size).toFixed(digits)} ${unit}`;
}
