// Perfetto's own trace processor, as its user interface ships it (WebAssembly), spoken to over standard input and
// output instead of a message port. Its worker asks for little: it gets that, and believes to be in a browser.
"use strict";
const fs = require("fs"), path = require("path"), vm = require("vm"), { webcrypto: crypto } = require("crypto");
const folder = process.argv[2];
const say = (...words) => fs.writeSync(2, words.join(" ") + "\n");

class Reading {
  open(_, name) { this.name = path.join(folder, path.basename(name)); }
  send() { this.response = fs.readFileSync(this.name); }
}

const port = {
  postMessage(bytes) {
    for (let at = 0; at < bytes.length;) at += fs.writeSync(1, bytes, at);
  },
};
const worker = {
  WorkerGlobalScope: Object, XMLHttpRequest: Reading, location: { href: "file:///engine_bundle.js" },
  console: { log: say, warn: say, error: say },
  TextDecoder, TextEncoder, URL, WebAssembly, crypto, performance, setTimeout, TypeError, Uint8Array,
};
worker.self = worker;
vm.runInNewContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"), worker);
worker.onmessage({ data: port });
setImmediate(() => process.stdin.on("data", bytes => port.onmessage({ data: new Uint8Array(bytes) })));
