import { createHash, randomBytes } from "node:crypto";
import { finished } from "node:stream/promises";
import { expect, test } from "vitest";
import { Connections } from "./network-host.ts";
import { finish, makeSandbox, python, type SuiteContext, shell } from "./subject.ts";

const MIB = 1 << 20;

/** That connections are carried whole, and that no number and no size of them grows anything. */
export function networkLoadTests(context: () => SuiteContext): void {
  test("50 MB pass intact in both directions at once", { timeout: 120_000 }, async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    const back = randomBytes(50 * MIB);
    const came = createHash("sha256");
    const network = new Connections((stream) => {
      stream.on("data", (piece: Buffer) => came.update(piece));
      stream.end(back);
    });
    await using sandbox = await makeSandbox(context(), { network });
    const script = `
import hashlib, os, socket, threading
s = socket.create_connection(('127.0.0.1', 3128))
there, back = hashlib.sha256(), hashlib.sha256()
def send():
    for _ in range(50):
        piece = os.urandom(1 << 20)
        there.update(piece)
        s.sendall(piece)
    s.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
while piece := s.recv(1 << 20): back.update(piece)
sender.join()
print(there.hexdigest(), back.hexdigest())`;
    const { stdout } = await python(sandbox, script);
    await finished(await network.stream());
    expect(stdout.trim()).toBe(`${came.digest("hex")} ${createHash("sha256").update(back).digest("hex")}`);
  });

  test("who is not read from is held up, and holds up nobody else", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    const network = new Connections();
    await using sandbox = await makeSandbox(context(), { network });
    const before = (await sandbox.stats()).memoryBytes;
    const script = `
import os, socket, sys
s = socket.create_connection(('127.0.0.1', 3128))
s.settimeout(2)
sent = 0
try:
    while sent < 200 << 20: sent += s.send(b'x' * 65536)
except TimeoutError: pass
print(sent, flush=True)
sys.stdin.read()`;
    const program = await sandbox.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", script] });
    const stream = await network.stream();
    let written = 0;
    const piece = Buffer.alloc(65_536);
    while (stream.write(piece, () => (written += piece.length)) && written < 200 * MIB) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const ending = finish(program);
    expect((await shell(sandbox, "seq 1 100000 | tail -n 1")).stdout).toBe("100000\n");
    await expect.poll(() => program.held.stdout.to, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(stream.readableLength).toBeLessThanOrEqual(65_536);
    expect((await sandbox.stats()).memoryBytes - before).toBeLessThan(64 * MIB);
    await program.closeStdin();
    // What the kernel's own buffers took.
    expect(Number((await ending).stdout)).toBeLessThan(64 * MIB);
    stream.destroy();
  });

  test("of 300 at once all are served, 256 of them at a time", { timeout: 60_000 }, async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    let open = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    const network = new Connections((stream) => {
      open += 1;
      most = Math.max(most, open);
      stream.on("close", () => {
        open -= 1;
      });
      waiting.push(() => stream.end("served"));
      stream.resume();
    });
    await using sandbox = await makeSandbox(context(), { network });
    const script = `
import socket, threading
lock, served = threading.Lock(), []
sockets = []
for _ in range(300):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('127.0.0.1', 3128))
    sockets.append(s)
print('dialled', flush=True)
count = 0
for s in sockets:
    s.settimeout(40)
    count += s.makefile().read() == 'served'
    s.close()
print(count)`;
    const program = await sandbox.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", script], stdin: "null" });
    const ending = finish(program);
    await expect.poll(() => open, { timeout: 20_000 }).toBe(256);
    expect((await shell(sandbox, "echo still here")).stdout).toBe("still here\n");
    expect(open).toBe(256);
    const serving = setInterval(() => {
      for (const serve of waiting.splice(0)) serve();
    }, 5);
    expect((await ending).stdout).toBe("dialled\n300\n");
    clearInterval(serving);
    expect([network.all.length, most]).toEqual([300, 256]);
  });
}
