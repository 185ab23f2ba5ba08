import { execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { lookup } from "node:dns";
import { resolve4 } from "node:dns/promises";
import { createReadStream, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { connect } from "node:net";
import { setTimeout as delay, scheduler } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type Logger, silentLogger } from "../../core/index.ts";
import { DeterminismGuard } from "./determinism-guard.ts";
import { insideProgram, outsideProgram } from "./guard.ts";
import { watchGlobals } from "./watch-globals.ts";

const path = import.meta.filename;
const nothing = () => {};

/** What a program might do by itself, and what it is caught at. */
const PEEKS: readonly (readonly [string, () => unknown])[] = [
  ["Date.now()", () => Date.now()],
  ["new Date()", () => new Date()],
  ["Date()", () => Date()],
  ["performance.now()", () => performance.now()],
  ["process.hrtime()", () => process.hrtime()],
  ["process.hrtime()", () => process.hrtime.bigint()],
  ["Math.random()", () => Math.random()],
  ["crypto.randomUUID()", () => crypto.randomUUID()],
  ["crypto.randomUUID()", () => randomUUID()],
  ["crypto.getRandomValues()", () => crypto.getRandomValues(new Uint8Array(1))],
  ["crypto.randomBytes()", () => randomBytes(1)],
  ["crypto.randomInt()", () => randomInt(2)],
  ["setTimeout()", () => setTimeout(nothing, 0)],
  ["setTimeout()", () => delay(0)],
  ["setTimeout()", () => promisify(setTimeout)(0)],
  ["setInterval()", () => clearInterval(setInterval(nothing, 1000))],
  ["setImmediate()", () => setImmediate(nothing)],
  ["scheduler.wait()", () => scheduler.wait(0)],
  ["AbortSignal.timeout()", () => AbortSignal.timeout(1)],
  ["fetch()", () => fetch("data:,x")],
  ["net.connect()", () => connect(1, "127.0.0.1").on("error", nothing)],
  ["net.connect()", () => get("http://127.0.0.1:1").on("error", nothing)],
  ["dns.lookup()", () => lookup("127.0.0.1", nothing)],
  ["dns.resolve4()", () => resolve4("127.0.0.1").catch(nothing)],
  ["fs.readFileSync()", () => readFileSync(path)],
  ["fs.readFile()", () => readFile(path)],
  ["fs.createReadStream()", () => createReadStream(path).destroy()],
  ["child_process.spawn()", () => spawn("true")],
  ["child_process.spawn()", () => promisify(execFile)("true")],
  ["child_process.execFileSync()", () => execFileSync("true")],
];

function collecting(told: unknown[]): Logger {
  const warn = (fields: Record<string, unknown>) => {
    // A logger looks at the clock as well.
    Date.now();
    told.push(fields.what);
  };
  return { ...silentLogger, warn };
}

test.for(PEEKS)("%s is caught in a program, and nowhere else", async ([what, peek]) => {
  using _watching = watchGlobals();
  const strict = new DeterminismGuard(silentLogger, true).watch("p");
  const caught = { code: "invalid_argument", details: { program: "p", what } };
  expect(() => insideProgram(strict, peek)).toThrow(expect.objectContaining(caught));
  await insideProgram(strict, () => outsideProgram(peek));
  await peek();
  const told: unknown[] = [];
  const lenient = new DeterminismGuard(collecting(told), false).watch("p");
  // From one place of a program, as often as it likes.
  for (let i = 0; i < 3; i += 1) await insideProgram(lenient, peek);
  expect(told[0]).toBe(what);
  expect(new Set(told).size).toBe(told.length);
});

test("what was watched is put back once nobody watches", () => {
  const before = [Date, Math.random, setTimeout, fetch, readFileSync, process.hrtime, process.hrtime.bigint, spawn];
  const first = watchGlobals();
  const second = watchGlobals();
  expect(Math.random).not.toBe(before[1]);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(Math.random).not.toBe(before[1]);
  second[Symbol.dispose]();
  expect([Date, Math.random, setTimeout, fetch, readFileSync, process.hrtime, process.hrtime.bigint, spawn]).toEqual(
    before,
  );
});
