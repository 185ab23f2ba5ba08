import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../test/support/server.ts";
import { Glovebox, isGloveboxError, type Session, type StoredEvent } from "./index.ts";

let server: TestServer;
let box: Glovebox;
let session: Session;
beforeAll(async () => {
  server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
  box = await Glovebox.connect({ url: server.url, token: server.token });
  session = await box.sessions.create({ template: "python" });
});
afterAll(async () => {
  await session?.delete(); // it would outlive its server
  await server?.[Symbol.asyncDispose]();
});

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const seqsOf = (events: readonly StoredEvent[]) => events.map(({ seq }) => seq);

describe("a session", () => {
  test("runs code, keeps its state and tells values, output and errors apart", async () => {
    await session.run("x = 20");
    const result = await session.run("print('out'); x + 22");
    expect(result).toMatchObject({ ok: true, exitCode: 0, stdout: "out\n", value: { preview: "42", json: 42 } });
    const thrown = await session.run("raise ValueError('no')");
    expect(thrown).toMatchObject({ ok: false, exception: { name: "ValueError", message: "no" } });
  });

  test("runs files and programs", async () => {
    await session.files.write("main.py", "import sys\nprint(sys.argv[1:])\n");
    expect((await session.runFile("main.py", { args: ["a"] })).stdout).toBe("['a']\n");
    const result = await session.exec(["sh", "-c", "cat; echo e >&2; exit 3"], { stdin: "in" });
    expect(result).toMatchObject({ ok: false, exitCode: 3, stdout: "in", stderr: "e\n" });
    expect((await session.exec(["cat"])).stdout).toBe("");
  });

  test("is closed at the end of its block, and that is told on its stream", async () => {
    let id: string;
    let told: Promise<StoredEvent[]>;
    {
      await using inner = await box.sessions.create({ isolation: "isolate" });
      id = inner.id;
      told = collect(inner.follow());
      expect((await inner.run("1 + 1")).value?.preview).toBe("2");
      expect((await inner.stats()).limits.length).toBeGreaterThan(0);
      expect((await inner.keepalive()).status).toBe("ready");
      // An isolate cannot.
      await expect(inner.pause()).rejects.toMatchObject({ code: "not_supported_by_isolation" });
      expect((await inner.resume()).status).toBe("ready");
    }
    expect((await box.sessions.info(id)).status).toBe("closed");
    const events = await told;
    expect(events.every(({ type }) => type === "system")).toBe(true);
    await (await box.sessions.get(id)).delete();
    await expect(box.sessions.get(id)).rejects.toMatchObject({ code: "not_found", status: 404 });
  });

  test("that is deleted inside its block is no error at its end", async () => {
    await using inner = await box.sessions.create({ isolation: "isolate" });
    await inner.delete();
  });

  test("has one execution at a time, unless the caller queues", async () => {
    const busy = await session.start({ kind: "repl", input: "import time; time.sleep(0.5)" });
    const refused = await session.run("1").catch((error: unknown) => error);
    expect(isGloveboxError(refused, "session_busy")).toBe(true);
    expect((await session.run("'queued'", { onBusy: "queue" })).ok).toBe(true);
    expect((await busy.wait()).ok).toBe(true);
  });
});

describe("streams", () => {
  test("yield events as they happen, whole and in order", async () => {
    const events = await collect(session.stream("for i in range(200): print(i, flush=True)"));
    expect(seqsOf(events)).toEqual(events.map((_, at) => at + 1));
    expect(events.at(-1)?.type).toBe("value");
  });

  test("that are left early cancel what runs, so that the session is free", async () => {
    for await (const event of session.stream("while True: pass")) {
      expect(event.type).toBe("input_echo");
      break;
    }
    expect((await session.run("'free'")).ok).toBe(true);
  });

  test("that are aborted reject with the reason and cancel what runs", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const loop = (async () => {
      for await (const _ of session.stream("while True: pass", { signal: controller.signal })) controller.abort(reason);
    })();
    await expect(loop).rejects.toBe(reason);
    expect((await session.run("'free'")).ok).toBe(true);
  });

  test("can be read later in pages and resumed in the middle", async () => {
    const { execution } = await session.run("for i in range(10): print(i, flush=True)");
    const first = await box.executions.events(execution.id, { limit: 3 });
    expect(first).toMatchObject({ nextAfterSeq: 3, done: false });
    const rest = await collect(box.executions.follow(execution.id, { afterSeq: first.nextAfterSeq }));
    expect(seqsOf([...first.items, ...rest])).toEqual(
      Array.from({ length: execution.metrics.events }, (_, at) => at + 1),
    );
  });
});

describe("programs in the background", () => {
  test("are written to, waited for and cancelled", async () => {
    const cat = await session.spawn(["cat"]);
    await cat.write("text ");
    await cat.write(new Uint8Array([0xff, 0x0a]));
    await cat.closeStdin();
    const result = await cat.wait();
    expect(result).toMatchObject({ ok: true, stdout: "text \ufffd\n" });
    const sleeper = await session.spawn(["sleep", "60"]);
    expect(await sleeper.cancel()).toMatchObject({ status: "cancelled", exitCode: 130 });
    await expect(sleeper.write("x")).rejects.toMatchObject({ code: "conflict" });
  });
});

describe("files", () => {
  test("are written and read whole, in part and as streams", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    expect(await session.files.write("d/x.bin", bytes, { parents: true })).toMatchObject({ size: bytes.length });
    expect(Buffer.compare(await session.files.read("d/x.bin"), bytes)).toBe(0);
    expect(Buffer.compare(await session.files.read("d/x.bin", { offset: 10, limit: 5 }), bytes.slice(10, 15))).toBe(0);
    async function* chunks() {
      yield new TextEncoder().encode("a");
      yield new TextEncoder().encode("b");
    }
    await session.files.write("s.txt", chunks());
    await session.files.append("s.txt", "c");
    expect(await new Response(await session.files.readStream("s.txt")).text()).toBe("abc");
  });

  test("are listed, moved, removed and packed", async () => {
    await session.files.mkdir("m/n", { parents: true });
    await session.files.write("m/n/f", "x");
    await session.files.rename("m/n/f", "m/g");
    expect(await session.files.stat("m/g")).toMatchObject({ kind: "file", size: 1 });
    const { items, truncated } = await session.files.list("m", { recursive: true });
    expect(truncated).toBe(false);
    expect(items.length).toBe(2);
    const tar = await session.files.download("m");
    await session.files.mkdir("copy");
    expect(await session.files.upload(tar, "copy")).toEqual({ files: 1, bytes: 1 });
    await session.files.remove("m", { recursive: true });
    await expect(session.files.stat("m")).rejects.toMatchObject({ code: "not_found" });
    expect(await session.files.readText("copy/g")).toBe("x");
  });

  test("are watched until the loop is left", async () => {
    const changes: string[] = [];
    const watching = (async () => {
      for await (const { path, change } of session.files.watch(undefined, { recursive: true })) {
        changes.push(`${change} ${path}`);
        if (path.endsWith("seen")) break;
      }
    })();
    const write = setInterval(() => void session.files.write("seen", "x").catch(() => {}), 200);
    await watching;
    clearInterval(write);
    expect(changes.at(-1)).toContain("seen");
  });
});

describe("terminals", () => {
  test("show what is typed, know their size and end with the program's code", async () => {
    await using terminal = await session.terminal({ rows: 30, columns: 90, argv: ["bash", "--norc"] });
    terminal.resize(31, 91);
    terminal.write("stty size; exit 5\r");
    let text = "";
    for await (const chunk of terminal) text += new TextDecoder().decode(chunk);
    expect(text).toContain("31 91");
    expect(await terminal.ended).toMatchObject({ kind: "exit", exitCode: 5 });
    expect(terminal.executionId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("that are let go of live on and are taken up again", async () => {
    const first = await session.terminal({ argv: ["bash", "--norc"] });
    first.write("echo first-$((20+22))\r");
    let seen = "";
    for await (const chunk of first) {
      seen += new TextDecoder().decode(chunk);
      if (seen.includes("first-42")) break;
    }
    const { executionId, seq } = first;
    first.close();
    expect(await first.ended).toEqual({ kind: "lost" });
    await using second = await session.terminal({ executionId, afterSeq: seq });
    second.write("exit\r");
    let rest = "";
    for await (const chunk of second) rest += new TextDecoder().decode(chunk);
    expect(rest).toContain("exit");
    expect(await second.ended).toMatchObject({ kind: "exit" });
  });

  test("are refused with the server's reason", async () => {
    const stranger = new Glovebox({ url: server.url, token: "gbx_wrong" });
    await expect(stranger.sessions.terminal(session.id)).rejects.toMatchObject({ code: "unauthenticated" });
    const unknown = "01890000-0000-7000-8000-000000000000";
    await expect(box.sessions.terminal(unknown)).rejects.toMatchObject({ code: "not_found" });
    const dead = new Glovebox({ url: "http://127.0.0.1:1", retry: { attempts: 1 } });
    await expect(dead.sessions.terminal(unknown)).rejects.toMatchObject({ code: "unavailable" });
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(box.sessions.terminal(session.id, { signal })).rejects.toBe(reason);
  });
});

describe("everything else", () => {
  test("one shots and batches", async () => {
    expect(await box.execute({ kind: "repl", language: "python", input: "6 * 7" })).toMatchObject({
      value: { json: 42 },
    });
    const { items } = await box.executions.batch({
      sessionId: session.id,
      items: [
        { kind: "repl", input: "1 / 0" },
        { kind: "repl", input: "2" },
      ],
    });
    expect(items[0]?.execution?.status).toBe("error");
    expect(items[1]).toMatchObject({ skipped: true });
  });

  test("the same idempotency key gives the same session and execution", async () => {
    const [one, two] = [
      await box.sessions.create({ isolation: "isolate" }, { idempotencyKey: "k-1" }),
      await box.sessions.create({ isolation: "isolate" }, { idempotencyKey: "k-1" }),
    ];
    expect(two.id).toBe(one.id);
    const first = await one.start({ kind: "repl", input: "1" }, { idempotencyKey: "e-1" });
    const again = await one.start({ kind: "repl", input: "1" }, { idempotencyKey: "e-1" });
    expect(again.id).toBe(first.id);
    await first.wait();
    await one.close();
  });

  test("templates and their parts", async () => {
    const made = await box.templates.create({ name: "mine", isolation: "isolate" });
    const file = { path: "start.js", content: "globalThis.SEED = 1" };
    expect((await box.templates.startupFiles.add("mine", file)).version).toBe(made.version + 1);
    expect((await box.templates.startupFiles.list("mine")).items).toMatchObject([file]);
    await box.templates.capabilities.add("mine", { kind: "env", name: "A", config: { value: "1" } });
    expect((await box.templates.capabilities.list("mine")).items.length).toBeGreaterThan(0);
    await box.templates.capabilities.remove("mine", "env", "A");
    await box.templates.modules.add("mine", "fs");
    expect((await box.templates.modules.list("mine")).items).toEqual([{ name: "fs" }]);
    await box.templates.modules.remove("mine", "fs");
    await box.templates.startupFiles.remove("mine", "start.js");
    expect((await box.templates.libraries.list("mine")).items).toEqual([]);
    expect(await box.templates.packages.list("mine")).toMatchObject({ apt: [] });
    await expect(box.templates.update("mine", { env: {} }, { ifVersion: 1 })).rejects.toMatchObject({
      code: "version_conflict",
    });
    expect((await box.templates.get("mine", { version: 1 })).version).toBe(1);
    await box.templates.delete("mine");
    const names = (await collect(box.templates.listAll())).map(({ name }) => name);
    expect(names).toContain("python");
    expect(names).not.toContain("mine");
  });

  test("secrets, what was done, and what would be let out", async () => {
    const made = await box.secrets.set("SDK_KEY", { value: "a value nobody sees", hosts: ["api.example.com"] });
    expect(made).toMatchObject({ name: "SDK_KEY", version: 1, hosts: ["api.example.com"] });
    expect((await box.secrets.list()).items).toEqual([made]);
    expect((await box.secrets.rotateKey()).resealed).toBeGreaterThan(0);
    await box.secrets.delete("SDK_KEY");
    await expect(box.secrets.delete("SDK_KEY")).rejects.toMatchObject({ code: "not_found" });

    const done = await collect(box.audit.listAll({ resourceKind: "secrets", resourceId: "SDK_KEY", limit: 1 }));
    expect(done.map(({ action }) => action)).toEqual(["secrets.delete", "secrets.delete", "secrets.set"]);
    const { ok, head } = await box.audit.verify();
    expect(ok).toBe(true);
    const exported = await collect(box.audit.export({ afterSeq: 1 }));
    expect(exported[0]?.seq).toBe(2);
    expect(exported.find(({ seq }) => seq === head?.seq)?.hash).toBe(head?.hash);
    for await (const record of box.audit.export()) {
      expect(record.seq).toBe(1);
      break;
    }

    const network = { mode: "allowlist", allow: ["1.1.1.1"] } as const;
    const ask = (url: string) => box.egress.test({ network, url });
    expect(await ask("https://1.1.1.1/x")).toMatchObject({ allowed: true, host: "1.1.1.1", port: 443 });
    expect(await ask("https://1.1.1.2/x")).toMatchObject({ allowed: false });
  });

  test("tokens, roles and what the server says of itself", async () => {
    const { token, secret } = await box.tokens.create({ name: "agent", roles: ["agent"] });
    const agent = new Glovebox({ url: server.url, token: secret });
    expect(await agent.whoami()).toMatchObject({ name: "agent", root: false });
    await expect(agent.tokens.list()).rejects.toMatchObject({ code: "permission_denied", status: 403 });
    await box.tokens.delete(token.id);
    expect((await box.ready()).ready).toBe(true);
    expect((await box.summary()).tenantId).toBe("default");
    expect((await box.doctor()).ok).toBe(true);
    expect((await box.config()).values.length).toBeGreaterThan(5);
    expect((await box.catalog.languages()).items.map(({ name }) => name)).toContain("python");
    expect((await box.retention.get()).events).not.toBe(undefined);
    const { content, sha256 } = await box.backup();
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    await content.cancel();
    for await (const { id } of box.executions.listAll({ sessionId: session.id, kind: ["repl"] }, {})) {
      expect(await box.executions.get(id)).toMatchObject({ kind: "repl" });
      break;
    }
  });
});
