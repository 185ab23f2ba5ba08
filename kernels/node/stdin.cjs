"use strict";
/** Standard input of one request: a named pipe in the place of the kernel's own, which is empty. */
const { closeSync, openSync } = require("node:fs");
const { Socket } = require("node:net");

const NOTHING = "/dev/null";

/** Makes the pipe at `path` descriptor 0 and what `process.stdin` reads; returns the way back. */
function open(path) {
  const before = Object.getOwnPropertyDescriptor(process, "stdin");
  replace(path);
  let stream;
  Object.defineProperty(process, "stdin", {
    configurable: true,
    enumerable: true,
    get: () => (stream ??= makeStream()),
  });
  return () => {
    stream?.destroy();
    Object.defineProperty(process, "stdin", before);
    replace(NOTHING);
  };
}

/** Node has no `dup2`: the lowest free descriptor is the one that was closed just now. */
function replace(path) {
  closeSync(0);
  const fd = openSync(path, "r");
  if (fd !== 0) throw new Error(`stdin was taken by another file (${fd})`);
}

/** Paused until someone reads, as Node's own is, so that it holds no program up that does not. */
function makeStream() {
  const stream = new Socket({ fd: 0, readable: true, writable: false, manualStart: true });
  stream.fd = 0;
  return stream;
}

module.exports = { open };
