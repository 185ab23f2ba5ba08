import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectAgent, openSocket } from "./connect.ts";
import { finish, shell } from "./process-fixture.ts";
import { startBareAgent } from "./testing.ts";
import { openVsock } from "./vsock.ts";

const PORT = 1024;
let folder: string;
let path: string;
let server: Server | undefined;
const open = new Set<Socket>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-vsock-"));
  path = join(folder, "v.sock");
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What stands where Firecracker would: it is told each connection, and what came first on it. */
async function listen(answer: (socket: Socket, line: string) => void): Promise<void> {
  server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
    socket.once("data", (line) => answer(socket, line.toString()));
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
}

async function reach(signal = AbortSignal.timeout(10_000)): Promise<Socket> {
  const socket = await openSocket(path, signal);
  await openVsock(socket, PORT, signal);
  return socket;
}

test("the agent is reached through Firecracker's socket, in however many pieces the answer comes", async () => {
  await using agent = await startBareAgent();
  await listen((socket, line) => {
    expect(line).toBe(`CONNECT ${PORT}\n`);
    const inside = connect(agent.socketPath);
    for (const piece of ["O", "K 10", "73741824", "\n"]) socket.write(piece);
    socket.pipe(inside).pipe(socket);
  });
  const connection = await connectAgent({ open: reach, epoch: 1n });
  const { stdout } = await finish(await connection.spawn(shell("echo over vsock")));
  expect(stdout).toBe("over vsock\n");
  await connection.close();
});

test("what the guest says right after the answer is not lost", async () => {
  await listen((socket) => socket.write("OK 7\nfrom the guest"));
  const socket = await reach();
  const said = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
  socket.resume();
  expect(await said).toBe("from the guest");
  socket.destroy();
});

describe("what is not an answer is refused", () => {
  test("nobody listens in the guest", async () => {
    await listen((socket) => socket.end());
    await expect(reach()).rejects.toMatchObject({ code: "unavailable" });
  });

  test("silence, or a wish that ended", async () => {
    await listen(() => {});
    await expect(connectAgent({ open: reach, epoch: 1n, timeoutMs: 50 })).rejects.toMatchObject({
      code: "unavailable",
    });
    const signal = AbortSignal.abort();
    await expect(connectAgent({ open: reach, epoch: 1n, signal })).rejects.toMatchObject({ code: "cancelled" });
    const wish = new AbortController();
    const connecting = connectAgent({ open: reach, epoch: 1n, signal: wish.signal });
    setImmediate(() => wish.abort());
    await expect(connecting).rejects.toMatchObject({ code: "cancelled" });
  });

  test("a line without an end is not read for ever", async () => {
    await listen((socket) => socket.write("O".repeat(100_000)));
    await expect(reach()).rejects.toMatchObject({ code: "internal" });
  });

  test("any other line", async () => {
    let line = "";
    await listen((socket) => socket.end(line));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.constantFrom("OK", "OK ", "OK -1", "ok 1", "OK 1 ", "OK 12345678901", "HTTP/1.1 400")),
        async (text) => {
          fc.pre(!/^OK \d{1,10}(\n|$)/.test(text));
          line = `${text}\n`;
          await expect(reach()).rejects.toMatchObject({ code: "internal" });
        },
      ),
      { numRuns: 60 },
    );
  });
});
