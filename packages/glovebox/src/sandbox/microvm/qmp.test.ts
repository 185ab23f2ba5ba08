import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import { migrated } from "./migrated.ts";
import { Qmp } from "./qmp.ts";

/** A QEMU that its guest has taken over: it says what the test wants. */
let folder: string;
let server: Server;
let speak: (socket: Socket) => void;
const sockets = new Set<Socket>();
const path = () => join(folder, "qmp");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-qmp-"));
  server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    speak(socket);
  });
  await new Promise<void>((resolve) => server.listen(path(), resolve));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const GREETING = '{"QMP":{"version":{}}}\r\n{"return":{}}\r\n';
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => "answer",
    (error: unknown) => error,
  );

/** Says these lines, each when it hears something, in pieces of `cut` bytes; then it leaves. */
function say(lines: readonly string[], cut = 1 << 20): void {
  speak = (socket) => {
    const rest = [...lines];
    socket.on("data", (heard: Buffer) => {
      for (const _ of heard.toString().matchAll(/\n/g)) {
        const next = rest.shift();
        const bytes = Buffer.from(`${next}\n`);
        for (let at = 0; next !== undefined && at < bytes.length; at += cut) socket.write(bytes.subarray(at, at + cut));
        if (next === undefined) socket.end();
      }
    });
  };
}

test("answers come in order, between events, and a refusal is an error", async () => {
  say([
    GREETING.trim(),
    '{"event":"STOP"}\n{"return":1}',
    '{"error":{"desc":"not now"}}',
    '{"event":"X"}\n{"return":3}',
  ]);
  const qmp = await Qmp.open(path());
  const all = await Promise.allSettled([qmp.run("one"), qmp.run("two"), qmp.run("three")]);
  expect(all).toMatchObject([
    { value: 1 },
    { reason: { code: "internal", message: expect.stringContaining("not now") } },
    { value: 3 },
  ]);
  qmp.close();
  await expect(qmp.run("four")).rejects.toMatchObject({ code: "unavailable" });
});

test("whatever it says and however it is cut, a command ends with an answer or an error of ours", async () => {
  const odd = ["null", "[]", "5", '{"error":null}', '{"error":{"desc":{}}}', '{"event":null}', '{"return":{}}', ""];
  const line = fc.oneof(fc.json(), fc.string(), fc.constantFrom(...odd));
  const property = fc.asyncProperty(
    fc.boolean(),
    fc.array(line, { maxLength: 6 }),
    fc.integer({ min: 1, max: 64 }),
    async (greets, said, cut) => {
      say([...(greets ? [GREETING.trim()] : []), ...said], cut);
      const opened = await Qmp.open(path(), 40).catch((error: unknown) => error);
      if (!(opened instanceof Qmp)) {
        expect(isGloveboxError(opened), String(opened)).toBe(true);
        return;
      }
      for (const end of await Promise.all([outcome(opened.run("stop")), outcome(migrated(opened))])) {
        expect(end === "answer" || isGloveboxError(end), String(end)).toBe(true);
      }
      opened.close();
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test("an endless line is not kept, also when it drips", async () => {
  for (const bytes of [65_536, 64]) {
    let given = 0;
    speak = (socket) => {
      const piece = "x".repeat(bytes);
      const pour = () => {
        while (!socket.destroyed && given < 64 << 20) {
          given += bytes;
          if (!socket.write(piece)) {
            socket.once("drain", pour);
            return;
          }
        }
      };
      pour();
    };
    given = 0;
    await expect(Qmp.open(path())).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("endless"),
    });
    expect(given).toBeLessThan(64 << 20);
  }
});

test("one that is silent, or answers nobody, is not waited for", async () => {
  speak = (socket) => void socket.write('{"QMP":{}}\n');
  await expect(Qmp.open(path(), 50)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("no answer"),
  });
});
