import { expect, test } from "vitest";
import type { NewEvent, Redactor } from "../../core/index.ts";
import type { StopCause } from "../work/cause.ts";
import { Recorder } from "./recorder.ts";
import { NO_OFFSETS, type StreamState, type WorkLimits } from "./stream-state.ts";

const LIMITS: WorkLimits = { compileMs: 1, outputBytes: 100, maxEvents: 50, onOutputLimit: "truncate" };

/** A sink whose appends complete when they are let through. */
function stage(limits: Partial<WorkLimits> = {}, more: Partial<ConstructorParameters<typeof Recorder>[0]> = {}) {
  const events: NewEvent[] = [];
  const states: StreamState[] = [];
  const waiting: (() => void)[] = [];
  const acks: [string, number][] = [];
  const stops: StopCause[] = [];
  let open = true;
  const recorder = new Recorder({
    sink: {
      append: (batch, state) => {
        events.push(...batch);
        states.push(state);
        return open ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
      },
    },
    limits: { ...LIMITS, ...limits },
    onStop: (cause) => stops.push(cause),
    ...more,
  });
  recorder.attach({ id: 1, kind: "program" }, NO_OFFSETS, (stream, offset) => acks.push([stream, offset]));
  return {
    recorder,
    events,
    states,
    acks,
    stops,
    hold: () => {
      open = false;
    },
    letThrough: () => {
      open = true;
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function text(events: readonly NewEvent[], type: "stdout" | "stderr"): string {
  return events.map((event) => (event.type === type && "text" in event.payload ? event.payload.text : "")).join("");
}

test("nothing is acknowledged before it is on disk, and then exactly what is", async () => {
  const { recorder, acks, hold, letThrough } = stage();
  hold();
  recorder.output("stdout", 0, Buffer.from("abc"));
  await settle();
  expect(acks).toEqual([]);
  letThrough();
  await recorder.drain();
  expect(acks).toEqual([["stdout", 3]]);
});

test("the beginning of a character is neither an event nor acknowledged until it is whole", async () => {
  const { recorder, acks, events, states } = stage();
  const bytes = Buffer.from("aé");
  recorder.output("stdout", 0, bytes.subarray(0, 2));
  await recorder.drain();
  expect(text(events, "stdout")).toBe("a");
  expect(acks.at(-1)).toEqual(["stdout", 1]);
  expect(states.at(-1)?.consumed.stdout).toBe(1);
  recorder.output("stdout", 2, bytes.subarray(2));
  await recorder.drain();
  expect(text(events, "stdout")).toBe("aé");
  expect(acks.at(-1)).toEqual(["stdout", 3]);
});

test("a secret split over chunks is masked, and what is held back is not acknowledged", async () => {
  const redactor: Redactor = {
    redact: (piece) => piece.replaceAll("hunter2", "***"),
    redactJson: (value) => value,
    withValues: () => redactor,
    stream: () => {
      let held = "";
      return {
        push: (piece) => {
          held += piece;
          const keep = [7, 6, 5, 4, 3, 2, 1].find((n) => "hunter2".startsWith(held.slice(-n)) && n < 7) ?? 0;
          const out = held.slice(0, held.length - keep).replaceAll("hunter2", "***");
          held = held.slice(held.length - keep);
          return out;
        },
        flush: () => {
          const out = held;
          held = "";
          return out;
        },
        get heldBytes() {
          return Buffer.byteLength(held);
        },
      };
    },
  };
  const { recorder, acks, events } = stage({}, { redactor });
  recorder.output("stdout", 0, Buffer.from("my hun"));
  await recorder.drain();
  expect(acks.at(-1)).toEqual(["stdout", 3]);
  recorder.output("stdout", 6, Buffer.from("ter2!"));
  recorder.output("stderr", 0, Buffer.from([0xff, ...Buffer.from("hunter2")]));
  await recorder.drain();
  expect(text(events, "stdout")).toBe("my ***!");
  const stderr = events.find(({ type }) => type === "stderr")?.payload as { base64: string };
  expect(Buffer.from(stderr.base64, "base64")).toEqual(Buffer.from([0xff, ...Buffer.from("***")]));
});

test("output exactly at the limit is whole and unmarked; one byte more is cut before the character and marked once", async () => {
  const exact = stage({ outputBytes: 4 });
  exact.recorder.output("stdout", 0, Buffer.from("aéb"));
  await exact.recorder.drain();
  expect([text(exact.events, "stdout"), exact.recorder.truncated.stdout]).toEqual(["aéb", false]);
  const over = stage({ outputBytes: 4 });
  over.recorder.output("stdout", 0, Buffer.from("abcéd"));
  over.recorder.output("stdout", 6, Buffer.from("more"));
  await over.recorder.drain();
  over.recorder.output("stdout", 10, Buffer.from("and more"));
  await settle();
  expect(text(over.events, "stdout")).toBe("abc");
  expect(over.events.filter(({ type }) => type === "system")).toHaveLength(1);
  expect(over.recorder.truncated).toEqual({ stdout: true, stderr: false });
  expect(over.recorder.outputBytes).toBe(3);
  // Drained on, so that the program is not blocked.
  expect(over.acks.at(-1)).toEqual(["stdout", 18]);
});

test("a cut that falls into a character begun in an earlier chunk drops that beginning", async () => {
  const { recorder, events } = stage({ outputBytes: 2 });
  const bytes = Buffer.from("a€b");
  recorder.output("stdout", 0, bytes.subarray(0, 2));
  recorder.output("stdout", 2, bytes.subarray(2));
  await recorder.drain();
  expect(text(events, "stdout")).toBe("a");
  expect(recorder.outputBytes).toBe(1);
});

test("console texts and displays are held to the limits too", async () => {
  const { recorder, events, stops } = stage({ outputBytes: 10, onOutputLimit: "stop" });
  recorder.console({ level: "log", text: "12345678" });
  recorder.console({ level: "error", text: "12345678" });
  recorder.console({ level: "log", text: "x" });
  recorder.display({ mime: { "text/html": "x".repeat(5_000_000) } });
  await recorder.drain();
  expect(events.filter(({ type }) => type === "console")).toHaveLength(2);
  expect(events.some(({ type }) => type === "display")).toBe(false);
  expect(stops).toEqual([{ kind: "output_limit" }]);
  expect(recorder.truncated).toEqual({ stdout: false, stderr: true });
});

test("one event too many stops the work, is told, and the last word still fits", async () => {
  const { recorder, events, stops } = stage({ maxEvents: 3 });
  for (let i = 0; i < 6; i += 1) recorder.console({ level: "log", text: "x" });
  recorder.exception({ name: "Interrupted", message: "" });
  recorder.value({ type: "int", preview: "1" });
  await recorder.drain();
  expect(events.map(({ type }) => type)).toEqual(["console", "console", "console", "system", "exception"]);
  expect(stops).toEqual([{ kind: "events_limit" }]);
  expect(recorder.state.terminalSeq).toBe(5);
});

test("a failed append stops the work and no later event is written", async () => {
  const stops: StopCause[] = [];
  let appends = 0;
  const recorder = new Recorder({
    sink: {
      append: async () => {
        appends += 1;
        throw new Error("disk full");
      },
    },
    limits: LIMITS,
    onStop: (cause) => stops.push(cause),
  });
  recorder.console({ level: "log", text: "x" });
  await expect(recorder.drain()).rejects.toThrow("disk full");
  recorder.console({ level: "log", text: "y" });
  await expect(recorder.drain()).rejects.toThrow("disk full");
  expect(stops.map(({ kind }) => kind)).toEqual(["store_failed"]);
  expect(appends).toBe(1);
});

test("an execution that goes on keeps its counters and begins where it stopped", async () => {
  const first = stage({ outputBytes: 6 });
  first.recorder.output("stdout", 0, Buffer.from("abcd"));
  await first.recorder.drain();
  const state = first.states.at(-1);
  if (state === undefined) throw new Error("nothing was written");
  const second = stage({ outputBytes: 6 }, { restored: { state, count: first.recorder.eventCount, terminal: {} } });
  second.recorder.attach({ id: 1, kind: "program" }, state.consumed, (stream, offset) =>
    second.acks.push([stream, offset]),
  );
  second.recorder.output("stdout", 4, Buffer.from("efgh"));
  await second.recorder.drain();
  expect(text(second.events, "stdout")).toBe("ef");
  expect(second.recorder.outputBytes).toBe(6);
  expect(second.recorder.truncated.stdout).toBe(true);
});

test("appends overlap and batches are acknowledged in order", async () => {
  const { recorder, acks, states } = stage({ outputBytes: 1e6, maxEvents: 1e6 });
  for (let i = 0; i < 3_000; i += 1) {
    recorder.console({ level: "log", text: `${i}` });
    recorder.controlRead(i + 1);
    if (i % 300 === 0) await settle();
  }
  await recorder.drain();
  const offsets = acks.map(([, offset]) => offset);
  expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  expect(offsets.at(-1)).toBe(3_000);
  expect(states.at(-1)?.consumed.control).toBe(3_000);
});
