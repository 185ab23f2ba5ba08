import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import type { KernelMessage, KernelRequest } from "../kernel-message.ts";
import { encodeKernelRequest, KernelMessageReader, MAX_LINE_BYTES, quoteForShell } from "./index.ts";
import { parseMessage } from "./parse-message.ts";

const request: KernelRequest = { id: "1", mode: "repl", source: "x", language: "python", args: [], env: {} };
const bytes = (text: string) => new TextEncoder().encode(text);
const noNul = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", ""));
const read = (text: string) => new KernelMessageReader().push(bytes(text));

describe("encodeKernelRequest", () => {
  it("writes five fields, each ended by NUL", () => {
    const text = Buffer.from(
      encodeKernelRequest({ ...request, source: "é\n", args: ["a"], env: { A: "b" }, cwd: "/w" }),
    ).toString();
    const fields = text.split("\0");
    expect(fields).toHaveLength(6);
    expect([fields[0], fields[1], fields[2], fields[4], fields[5]]).toEqual(["exec", "1", "repl", "é\n", ""]);
    expect(JSON.parse(fields[3] ?? "")).toEqual({ language: "python", args: ["a"], env: { A: "b" }, cwd: "/w" });
  });

  it.each([
    { source: "a\0b" },
    { id: "a\0b" },
    { args: ["a\0"] },
    { env: { A: "\0" } },
    { cwd: "\0" },
    { env: { "A B": "x" } },
    { env: { "": "x" } },
    { env: { "A=B": "x" }, language: "bash" as const },
  ])("refuses %j", (part) => {
    expect(() => encodeKernelRequest({ ...request, ...part })).toThrow(
      expect.toSatisfy((error: unknown) => isGloveboxError(error, "invalid_argument")),
    );
  });

  it("refuses what is too large", () => {
    const large = { ...request, source: "x".repeat(65 * 1_048_576) };
    expect(() => encodeKernelRequest(large)).toThrow(
      expect.toSatisfy((error: unknown) => isGloveboxError(error, "payload_too_large")),
    );
  });

  it("quotes for a shell so that any text is one word that means itself", () => {
    fc.assert(
      fc.property(fc.array(noNul, { minLength: 1, maxLength: 40 }), (words) => {
        const script = `printf '%s\\0' ${words.map(quoteForShell).join(" ")}`;
        const printed = execFileSync("/bin/bash", ["-c", script]).toString("utf8");
        expect(printed.split("\0").slice(0, -1)).toEqual(words.map((word) => word.toWellFormed()));
      }),
      { numRuns: 30 },
    );
  });

  it("gives bash options that evaluate to what was asked", () => {
    fc.assert(
      fc.property(fc.array(noNul, { maxLength: 5 }), noNul, noNul, (args, value, cwd) => {
        const encoded = encodeKernelRequest({ ...request, language: "bash", args, env: { NAME: value }, cwd });
        const options = Buffer.from(encoded).toString().split("\0")[3] ?? "";
        const script = `${options}\nprintf '%s\\0' "\${#args[@]}" "\${args[@]}" "$cwd" "\${envs[@]}"`;
        const printed = execFileSync("/bin/bash", ["-c", script]).toString("utf8").split("\0").slice(0, -1);
        expect(printed).toEqual(
          [String(args.length), ...args, cwd, `NAME=${value}`].map((text) => text.toWellFormed()),
        );
      }),
      { numRuns: 30 },
    );
  });
});

const id = fc.string({ minLength: 1, maxLength: 36 }).map((text) => text.toWellFormed());
const text = fc.string({ unit: "grapheme", maxLength: 200 }).map((value) => value.toWellFormed());
const line = text.map((value) => value.replace(/[\r\n]/g, " "));
const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const message: fc.Arbitrary<KernelMessage> = fc.oneof(
  fc.record({ t: fc.constant("ready" as const), language: line, version: line }),
  fc.record(
    {
      t: fc.constant("console" as const),
      id,
      level: fc.constantFrom("log" as const, "info" as const, "warn" as const, "error" as const, "debug" as const),
      text,
      args: fc.array(json),
    },
    { requiredKeys: ["t", "id", "level", "text"] },
  ),
  fc.record({
    t: fc.constant("display" as const),
    id,
    mime: fc.constant({ "text/html": "<p>", "image/svg+xml": "<svg/>" }),
  }),
  fc.record(
    { t: fc.constant("value" as const), id, type: line, preview: line, json },
    { requiredKeys: ["t", "id", "type", "preview"] },
  ),
  fc.record(
    {
      t: fc.constant("exception" as const),
      id,
      name: line,
      message: text,
      stack: text,
      line: fc.nat(),
      exitCode: fc.nat(255),
    },
    { requiredKeys: ["t", "id", "name", "message"] },
  ),
  fc.record(
    { t: fc.constant("done" as const), id, cpuMs: fc.double({ min: 0, max: 1e9, noNaN: true }) },
    { requiredKeys: ["t", "id"] },
  ),
) as fc.Arbitrary<KernelMessage>;

const encode = (one: KernelMessage) => `${one.t === "done" ? "!" : ""}${JSON.stringify(one)}\n`;

describe("KernelMessageReader", () => {
  it("reads back every message, however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(2000)), (messages, cuts) => {
        const all = bytes(messages.map(encode).join(""));
        const places = [...new Set([0, ...cuts.map((cut) => cut % (all.length + 1)), all.length])].sort(
          (a, b) => a - b,
        );
        const reader = new KernelMessageReader();
        const found = places.slice(1).flatMap((end, index) => reader.push(all.subarray(places[index], end)));
        expect(found).toEqual(messages.map((one) => JSON.parse(JSON.stringify(one))));
        expect(reader.heldBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("throws nothing but typed errors, whatever it is fed", () => {
    const almost = fc.tuple(message, fc.nat(400), fc.string({ maxLength: 3 })).map(([one, at, more]) => {
      const whole = encode(one);
      return whole.slice(0, at % whole.length) + more + whole.slice((at % whole.length) + 1);
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          almost.map(bytes),
          fc.json().map((j) => bytes(`${j}\n`)),
        ),
        (data) => {
          try {
            for (const one of new KernelMessageReader().push(data)) expect(typeof one.t).toBe("string");
          } catch (error) {
            expect(isGloveboxError(error, "invalid_argument")).toBe(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("does not keep the caller's buffer", () => {
    const reader = new KernelMessageReader();
    const buffer = bytes('{"t":"ready","language":"a","ver');
    reader.push(buffer);
    buffer.fill(0);
    expect(reader.push(bytes('sion":"b"}\n'))).toEqual([{ t: "ready", language: "a", version: "b" }]);
  });

  it("takes bytes one by one, and counts what it holds", () => {
    const reader = new KernelMessageReader();
    const whole = bytes(encode({ t: "console", id: "1", level: "log", text: "é".repeat(2000) }));
    for (const byte of whole.subarray(0, -1)) expect(reader.push(Uint8Array.of(byte))).toEqual([]);
    expect(reader.heldBytes).toBe(whole.length - 1);
    expect(reader.push(whole.subarray(-1))).toHaveLength(1);
  });

  it("holds at most one line's worth of bytes, and takes nothing after a breach", () => {
    const reader = new KernelMessageReader();
    const chunk = new Uint8Array(65_536).fill(120);
    const flood = () => {
      for (let sent = 0; sent <= MAX_LINE_BYTES; sent += chunk.length) reader.push(chunk);
    };
    expect(flood).toThrow("longer than");
    expect(reader.heldBytes).toBe(0);
    expect(() => reader.push(bytes('{"t":"ready","language":"a","version":"b"}\n'))).toThrow("longer than");
    expect(() => read(`{"t":"console","id":"1","level":"log","text":"${"x".repeat(MAX_LINE_BYTES)}"}\n`)).toThrow(
      "longer than",
    );
  });

  it("takes the largest message there may be", () => {
    const frame = encode({ t: "console", id: "1", level: "log", text: "" }).length - 1;
    const whole = encode({ t: "console", id: "1", level: "log", text: "x".repeat(MAX_LINE_BYTES - frame) });
    expect(read(whole)).toHaveLength(1);
  });
});

describe("parseMessage", () => {
  const parse = (value: unknown, mark = "") => parseMessage(bytes(mark + JSON.stringify(value)));

  it.each([
    ["no object", [1]],
    ["null", null],
    ["no kind", { id: "1" }],
    ["an unknown kind", { t: "exec", id: "1" }],
    ["a kind of the prototype", { t: "constructor", id: "1" }],
    ["no id", { t: "value", type: "a", preview: "b" }],
    ["an id that is a number", { t: "value", id: 1, type: "a", preview: "b" }],
    ["an endless id", { t: "value", id: "x".repeat(300), type: "a", preview: "b" }],
    ["a preview of two lines", { t: "value", id: "1", type: "a", preview: "b\nc" }],
    ["a long preview", { t: "value", id: "1", type: "a", preview: "b".repeat(4097) }],
    ["too much JSON", { t: "value", id: "1", type: "a", preview: "b", json: "x".repeat(600_000) }],
    ["an unknown level", { t: "console", id: "1", level: "fatal", text: "" }],
    ["args that are no list", { t: "console", id: "1", level: "log", text: "", args: {} }],
    ["no forms", { t: "display", id: "1", mime: null }],
    ["a form that is no text", { t: "display", id: "1", mime: { "text/html": 1 } }],
    ["a form of no kind", { t: "display", id: "1", mime: { __proto__2: "x" } }],
    [
      "too many forms",
      { t: "display", id: "1", mime: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`a/b${n}`, "x"])) },
    ],
    ["a broken line", { t: "exception", id: "1", name: "a", message: "b", line: 1.5 }],
    ["a broken exit code", { t: "exception", id: "1", name: "a", message: "b", exitCode: 256 }],
    ["a done without a mark", { t: "done", id: "1" }],
  ])("refuses %s", (_, value) => {
    expect(() => parse(value)).toThrow(
      expect.toSatisfy((error: unknown) => isGloveboxError(error, "invalid_argument")),
    );
  });

  it("refuses marks on other messages, and times that are none", () => {
    expect(() => parse({ t: "ready", language: "a", version: "b" }, "!")).toThrow("marked");
    expect(() => parse({ t: "done", id: "1", cpuMs: -1 }, "!")).toThrow("cpuMs");
    expect(() => parseMessage(bytes('!{"t":"done","id":"1","cpuMs":1e999}'))).toThrow("cpuMs");
  });

  it("refuses nesting that would exhaust whoever walks it, before parsing", () => {
    const deep = `{"t":"value","id":"1","type":"a","preview":"b","json":${"[".repeat(500_000)}${"]".repeat(500_000)}}`;
    expect(() => parseMessage(bytes(deep))).toThrow("nested");
    expect(parse({ t: "console", id: "1", level: "log", text: "[".repeat(1000) }).t).toBe("console");
  });

  it("leaves out fields that are not the message's, and lone surrogates", () => {
    const parsed = parse({
      t: "value",
      id: "1",
      type: "a",
      preview: "\ud800",
      json: { "\udfff": ["\ud800x"] },
      extra: 1,
    });
    expect(parsed).toEqual({ t: "value", id: "1", type: "a", preview: "\ufffd", json: { "\ufffd": ["\ufffdx"] } });
    const proto = parseMessage(
      bytes('{"t":"value","id":"1","type":"a","preview":"b","json":{"__proto__":{"x":"\\u0041"}}}'),
    );
    expect(Object.getPrototypeOf((proto as { json?: object }).json)).toBe(Object.prototype);
  });
});
