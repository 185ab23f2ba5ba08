import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Connections, LittleProxy } from "./network-host.ts";
import { finish, makeSandbox, python, type SuiteContext, shell } from "./subject.ts";

const CURL = "curl --silent --show-error --max-time 20";
/** Connects to the proxy as `s`. */
const DIAL = "import os, signal, socket, sys\ns = socket.create_connection(('127.0.0.1', 3128))\n";

/** What a driver with `capabilities.network` carries, and that the others say no. */
export function networkTests(context: () => SuiteContext, { carriesIPv6 }: { readonly carriesIPv6: boolean }): void {
  test("is refused by a driver that has none", async ({ skip }) => {
    skip(context().capabilities.network, "this driver has a network");
    await expect(makeSandbox(context(), { network: new Connections() })).rejects.toMatchObject({
      code: "not_supported_by_isolation",
    });
  });

  test("is reported as what it is", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    const reported = { limit: "network", mechanism: "namespace" };
    await using open = await makeSandbox(context(), { network: new Connections() });
    expect(open.limitsApplied).toContainEqual({ ...reported, requested: "proxy", applied: "proxy" });
    await using closed = await makeSandbox(context());
    expect(closed.limitsApplied).toContainEqual({ ...reported, requested: "none", applied: "none" });
  });

  test("takes what goes to the proxy, over the loopback of both families", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    await using proxy = new LittleProxy();
    await using sandbox = await makeSandbox(context(), { network: proxy });
    const line = `${CURL} -x http://127.0.0.1:3128 http://a.example/x; ${CURL} -x 'http://[::1]:3128' -d echoed http://a.example/y`;
    expect(await shell(sandbox, line)).toEqual({ stdout: "answer\nechoed", stderr: "", code: 0 });
    expect(proxy.requests).toEqual(["GET http://a.example/x", "POST http://a.example/y"]);
    const tunnel = `${DIAL}s.sendall(b'CONNECT b.example:443 HTTP/1.1\\r\\nhost: b.example\\r\\n\\r\\n')
f = s.makefile('rb')
while f.readline().strip(): pass
s.sendall(b'through')
print(f.read(7).decode())`;
    expect((await python(sandbox, tunnel)).stdout).toBe("through\n");
    expect(proxy.requests.at(-1)).toBe("CONNECT b.example:443");
  });

  test("takes what goes elsewhere, and says where it wanted to go", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    await using proxy = new LittleProxy();
    await using sandbox = await makeSandbox(context(), { network: proxy });
    const six = await shell(sandbox, `${CURL} 'http://[2001:db8::7]/a'`);
    expect(six).toMatchObject(carriesIPv6 ? { stdout: "answer\n" } : { stdout: "", code: 7 });
    expect(proxy.requests.splice(0)).toEqual(carriesIPv6 ? ["GET /a by 2001:db8::7:80"] : []);
    const urls = ["http://Some-name.example/b", "http://192.0.2.7/c"];
    for (const url of urls) expect(await shell(sandbox, `${CURL} '${url}'`)).toMatchObject({ stdout: "answer\n" });
    const fetching = [
      "/glovebox/bin/node",
      "-e",
      "fetch('http://node.example:80/d').then((r) => r.text()).then(console.log)",
    ];
    const done = await finish(await sandbox.spawn({ kind: "program", argv: fetching, stdin: "null" }));
    expect(done).toMatchObject({ stdout: "answer\n\n", code: 0 });
    expect(proxy.requests).toEqual([
      "GET /b by some-name.example:80",
      "GET /c by 192.0.2.7:80",
      "GET /d by node.example:80",
    ]);
  });

  test("lets each end of a connection end by itself", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    const network = new Connections((stream) => {
      void buffer(stream).then((came) => stream.end(`${came.length} came`));
    });
    await using sandbox = await makeSandbox(context(), { network });
    const asking = `${DIAL}s.sendall(b'x' * 100000)\ns.shutdown(socket.SHUT_WR)\nprint(s.makefile().read())`;
    expect(await python(sandbox, asking)).toEqual({ stdout: "100000 came\n", stderr: "", code: 0 });
    const hearing = new Connections((stream) => stream.end("first"));
    await using other = await makeSandbox(context(), { network: hearing });
    const telling = `${DIAL}print(s.makefile().read())\ns.sendall(b'afterwards')`;
    expect((await python(other, telling)).stdout).toBe("first\n");
    expect(String(await buffer(await hearing.stream()))).toBe("afterwards");
  });

  test("ends a connection on one side when the other is gone", async ({ skip }) => {
    skip(!context().capabilities.network, "no network");
    const network = new Connections();
    await using sandbox = await makeSandbox(context(), { network });
    // Unread bytes make the kernel reset what a dead process leaves.
    const dying = finish(
      await sandbox.spawn({
        kind: "program",
        argv: ["/usr/bin/python3", "-c", `${DIAL}s.recv(1)\nos.kill(os.getpid(), signal.SIGKILL)`],
        stdin: "null",
      }),
    );
    const stream = await network.stream(0);
    const broken = once(stream, "error");
    stream.write(Buffer.alloc(1000));
    expect(await dying).toMatchObject({ signal: "SIGKILL" });
    expect(await broken).toMatchObject([{ code: "unavailable" }]);

    for (const [index, error] of [new Error("no"), undefined].entries()) {
      const reading = python(
        sandbox,
        `${DIAL}\ntry: print('end', s.recv(1))\nexcept ConnectionResetError: print('reset')`,
      );
      (await network.stream(index + 1)).destroy(error);
      expect((await reading).stdout).toBe(error ? "reset\n" : "end b''\n");
    }
  });

  test("is there again for the server that attaches, and refuses meanwhile", async ({ skip }) => {
    const { subject, capabilities } = context();
    skip(!capabilities.network || !capabilities.outlivesServer, "no network that outlives the server");
    const network = new Connections();
    await using sandbox = await makeSandbox(context(), { network });
    const script = `${DIAL}
try: print(s.recv(10))
except ConnectionResetError: print('reset', flush=True)
for _ in range(3):
    # A reset may come before connect() has returned: the agent may run in between, and in gVisor often does.
    try:
        t = socket.create_connection(('127.0.0.1', 3128))
        print('closed' if not t.recv(1) else 'served', flush=True)
    except ConnectionResetError: print('refused', flush=True)
input()
u = socket.create_connection(('127.0.0.1', 3128))
print(u.makefile().read())`;
    const program = await sandbox.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", script] });
    await network.stream();
    const record = JSON.parse(JSON.stringify(sandbox.record));
    await sandbox.detach();
    expect((await network.stream()).destroyed).toBe(true);
    await using next = subject.again();
    const printedBlindly = async () => {
      const blind = await next.attach(record);
      await blind.detach();
      return blind.attached[0]?.held.stdout.to;
    };
    // Rarely: each look is a server that comes and goes.
    await expect
      .poll(printedBlindly, { timeout: 40_000, interval: 2_000 })
      .toBeGreaterThanOrEqual("reset\n".length * 4);
    const later = new Connections((stream) => stream.end("served again"));
    await using again = await next.attach(record, { network: later });
    const held = again.attached.find(({ id }) => id === program.id);
    if (!held) throw new Error("the program is gone");
    const done = finish(held);
    await held.write(Buffer.from("go\n"));
    expect((await done).stdout).toMatch(/^reset\n(refused\n){3}served again\n$/);
    await again.destroy();
  });

  test("is not given afterwards to a sandbox that was made without", async ({ skip }) => {
    const { subject, capabilities } = context();
    skip(!capabilities.network || !capabilities.outlivesServer, "no network that outlives the server");
    await using sandbox = await makeSandbox(context());
    await sandbox.detach();
    await using next = subject.again();
    await expect(next.attach(sandbox.record, { network: new Connections() })).rejects.toMatchObject({
      code: "conflict",
    });
    await using again = await next.attach(sandbox.record);
    await again.destroy();
  });
}
