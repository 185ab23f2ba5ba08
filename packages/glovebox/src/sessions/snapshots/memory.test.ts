import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecutionInput, Isolation, Snapshot } from "../../core/index.ts";
import { GvisorDriver } from "../../sandbox/gvisor/index.ts";
import type { IsolationDriver } from "../../sandbox/index.ts";
import { MicrovmDriver } from "../../sandbox/microvm/index.ts";
import { openStage, type Ran, type Stage, TENANT, textOf } from "../testing/stage.ts";

/** Isolations that fork memory. A machine that is emulated takes its time: it is here when all tests are asked for. */
const SUBJECTS: Readonly<Partial<Record<Isolation, (dir: string) => IsolationDriver>>> = {
  gvisor: (dir) => new GvisorDriver({ runDir: join(dir, "gvisor"), waiting: 0 }),
  ...(process.env.GLOVEBOX_TESTS === "all" && {
    microvm: (dir) => new MicrovmDriver({ runDir: join(dir, "microvm"), waiting: 0 }),
  }),
};

/** What each language draws, and the kernel below it. */
const DRAWS = {
  python: "__import__('random').random(), __import__('os').urandom(8), __import__('uuid').uuid4()",
  javascript: "[Math.random(), require('node:crypto').randomBytes(8).toString('hex'), crypto.randomUUID()].join()",
  bash: "echo $RANDOM$RANDOM$RANDOM; head -c 8 /dev/urandom | od -An -tx1; cat /proc/sys/kernel/random/uuid",
} as const;
/** Emulated machines on a loaded host take their time. */
const PATIENCE = { timeout: 60_000 };
type Spoken = keyof typeof DRAWS;
const SPOKEN = Object.keys(DRAWS) as Spoken[];
const TICKER = ["sh", "-c", "i=0; while sleep 0.05; do i=$((i+1)); echo tick $i; echo $i > ticks; done"];
const UNTIL_GO = `
import os, time
print("before", flush=True)
while not os.path.exists("go"): time.sleep(0.02)
print("after", flush=True)
x = "done"`;

for (const [isolation, more] of Object.entries(SUBJECTS)) {
  describe(`sessions in ${isolation}`, { timeout: isolation === "gvisor" ? 120_000 : 900_000 }, () => {
    let stage: Stage;
    let reason: string | undefined;
    let freeBytes = Number.POSITIVE_INFINITY;
    const open = (dir?: string) =>
      openStage({
        more,
        quotas: { tenant: { sessions: 8 } },
        freeMemoryBytes: () => freeBytes,
        ...(dir !== undefined && { dir }),
      });
    beforeAll(async () => {
      stage = await open();
      const probe = (await stage.services.isolations()).probes[isolation as Isolation];
      if (probe?.available !== true) reason = probe?.reason ?? "there is no driver";
    }, 120_000);
    afterAll(() => stage[Symbol.asyncDispose](), 60_000);

    const services = () => stage.services;
    const begin = () => stage.session({ isolation: isolation as Isolation });
    const speak = (id: string, language: Spoken, input: string, extra: Partial<ExecutionInput> = {}) =>
      stage.run(id, { kind: "repl", language, input, ...extra });
    async function said(id: string, code: string): Promise<string> {
      const ran = await stage.py(id, code, { onBusy: "queue" });
      expect(ran.execution.status, `${ran.err} ${JSON.stringify(ran.execution.error)}`).toBe("ok");
      return shown(ran);
    }
    async function start(id: string, input: ExecutionInput): Promise<string> {
      return (await services().executions.start(TENANT, id, input)).execution.id;
    }
    async function streamText(id: string): Promise<string> {
      return textOf(await stage.store.events.read(await services().sessions.eventStream(TENANT, id)), "stdout");
    }
    async function eventCodes(id: string): Promise<string[]> {
      const events = await stage.store.events.read(await services().sessions.eventStream(TENANT, id));
      return events.flatMap((event) => (event.type === "system" ? [event.payload.code] : []));
    }
    const close = (...ids: string[]) => Promise.all(ids.map((id) => services().sessions.close(TENANT, id)));

    test("are forked with variables and programs, each with random numbers and a life of its own", async ({ skip }) => {
      skip(reason !== undefined, `isolation ${isolation}: ${reason}`);
      const parent = await stage.session({ isolation: isolation as Isolation, forkable: true });
      for (const [index, language] of SPOKEN.entries()) {
        await speak(parent, language, language === "bash" ? `kept=${index}` : `kept = ${index}`);
      }
      const ticker = await start(parent, { kind: "command", background: true, argv: TICKER });
      const { sessions, path, silentMs } = await services().snapshots.fork(TENANT, parent, { count: 2 });
      expect(path).toBe(isolation === "microvm" ? "shared" : "copied");
      expect(silentMs).toBeGreaterThan(0);
      const children = sessions.map(({ id }) => id);
      for (const { parentSessionId, status } of sessions) expect([parentSessionId, status]).toEqual([parent, "ready"]);
      for (const id of children) {
        expect(await said(id, "kept")).toBe("0");
        expect(shown(await speak(id, "javascript", "kept"))).toBe("1");
        expect((await speak(id, "bash", "echo $kept")).out).toBe("2\n");
        // It came along, and is no execution of the child.
        await expect.poll(() => streamText(id), PATIENCE).toContain("tick");
        expect((await services().executions.list(TENANT, { sessionId: id })).items.map(({ kind }) => kind)).toEqual(
          Array(3).fill("repl"),
        );
        expect(Math.abs(Number(await said(id, "int(__import__('time').time())")) - Date.now() / 1_000)).toBeLessThan(
          30,
        );
      }
      for (const language of SPOKEN) {
        const drawn = await Promise.all(
          [parent, ...children].map(async (id) => {
            const ran = await speak(id, language, DRAWS[language]);
            return language === "bash" ? ran.out : shown(ran);
          }),
        );
        const parts = drawn.map((text) => text.split(language === "bash" ? "\n" : ","));
        for (const [index, first] of (parts[0] ?? []).entries()) {
          if (first === "") continue;
          expect(new Set(parts.map((own) => own[index])).size, `${language}: ${drawn.join(" | ")}`).toBe(3);
        }
      }
      const [one = "", two = ""] = children;
      await said(one, "kept = 'one'");
      expect([await said(two, "kept"), await said(parent, "kept")]).toEqual(["0", "0"]);
      await close(parent);
      expect((await services().executions.get(TENANT, ticker)).status).toBe("cancelled");
      expect(await said(two, "kept + 1")).toBe("1");
      await close(...children);
    });

    test("are forked in the middle of an execution, which goes on in each", async ({ skip }) => {
      skip(reason !== undefined, `isolation ${isolation}: ${reason}`);
      const parent = await begin();
      const busy = await start(parent, { kind: "repl", language: "python", input: UNTIL_GO });
      await expect
        .poll(async () => (await services().executions.events(TENANT, busy)).length, PATIENCE)
        .toBeGreaterThan(1);
      const taken = await services().snapshots.create(TENANT, parent, { name: "in the middle" });
      expect(taken).toMatchObject({ kind: "memory", executionId: busy });
      const now = await services().snapshots.fork(TENANT, parent);
      const then = await services().snapshots.fork(TENANT, parent, { snapshotId: taken.id });
      for (const id of [now.sessions[0]?.id ?? "", then.sessions[0]?.id ?? ""]) {
        await expect(services().executions.start(TENANT, id, { kind: "repl", input: "1" })).rejects.toMatchObject({
          code: "session_busy",
        });
        const files = await services().sessions.files(TENANT, id);
        const asked = said(id, "x");
        await files.write("go", new Uint8Array());
        expect(await asked).toBe("'done'");
        expect(await streamText(id)).toContain("after\n");
        await close(id);
      }
      expect((await services().executions.get(TENANT, busy)).status).toBe("running");
      await (await services().sessions.files(TENANT, parent)).write("go", new Uint8Array());
      expect((await services().executions.wait(TENANT, busy)).status).toBe("ok");
      expect(await said(parent, "x")).toBe("'done'");
      await close(parent);
    });

    test("go back to memory and programs, and can undo that; what is damaged changes nothing", async ({ skip }) => {
      skip(reason !== undefined, `isolation ${isolation}: ${reason}`);
      const id = await begin();
      const snapshots = services().snapshots;
      await said(id, "x = 1; _ = open('f', 'w').write('first')");
      const ticker = await start(id, { kind: "command", background: true, argv: TICKER });
      const one = await snapshots.create(TENANT, id, { memory: true });
      expect(one.kind).toBe("memory");
      // Memory counts for the quota.
      expect(one.storedBytes).toBeGreaterThan(1_000_000);
      expect(await stage.store.snapshots.storedBytes(TENANT)).toBeGreaterThanOrEqual(one.storedBytes);
      expect((await snapshots.create(TENANT, id, { memory: false })).kind).toBe("files");
      await said(id, "x = 2; _ = open('f', 'w').write('second')");
      await expect(snapshots.rollback(TENANT, id, one.id)).rejects.toMatchObject({ code: "conflict" });
      const { undo } = await snapshots.rollback(TENANT, id, one.id, { force: true });
      expect(undo).toMatchObject({ kind: "memory", origin: "before_rollback" });
      expect((await services().executions.get(TENANT, ticker)).status).toBe("cancelled");
      expect(await said(id, "x, open('f').read()")).toBe("(1, 'first')");
      const ticks = await said(id, "int(open('ticks').read() or 0)");
      await expect
        .poll(async () => Number(await said(id, "int(open('ticks').read() or 0)")), PATIENCE)
        .toBeGreaterThan(Number(ticks));
      await snapshots.rollback(TENANT, id, undo.id);
      expect(await said(id, "x, open('f').read()")).toBe("(2, 'second')");

      const before = await snapshots.list(TENANT, id);
      const folder = join(stage.dir, "snapshots", id, one.id);
      for (const [code, damage] of [
        ["snapshot_incompatible", (text: string) => text.replace(/("compatibility":\{"[^"]+":")[^"]*"/, '$1another"')],
        ["snapshot_corrupt", (text: string) => text.replace(/("sha256":")./g, "$1x")],
      ] as const) {
        const mend = change(join(folder, "manifest.json"), damage);
        await expect(snapshots.rollback(TENANT, id, one.id)).rejects.toMatchObject({ code });
        await expect(snapshots.fork(TENANT, id, { snapshotId: one.id })).rejects.toMatchObject({ code });
        mend();
      }
      expect(await snapshots.list(TENANT, id)).toEqual(before);
      expect(await said(id, "x")).toBe("2");
      await chosenPaths(id, one);
      await close(id);
    });

    /** Files alone go back, so that kernels begin anew; where a machine has its files in its own disk, nothing does. */
    async function chosenPaths(id: string, one: Snapshot): Promise<void> {
      const rolling = services().snapshots.rollback(TENANT, id, one.id, { paths: ["f"] });
      if (isolation === "microvm") {
        await expect(rolling).rejects.toMatchObject({ code: "not_supported_by_isolation" });
        expect(await said(id, "x")).toBe("2");
        return;
      }
      expect((await rolling).undo.kind).toBe("files");
      const ran = await stage.py(id, "open('f').read()");
      expect(shown(ran)).toBe("'first'");
      const codes = ran.events.map((event) => (event.type === "system" ? event.payload.code : ""));
      expect(codes).toContain("kernel_restarted");
    }

    test("give their memory back, outlive the server so, and go on at the same byte", async ({ skip }) => {
      skip(reason !== undefined, `isolation ${isolation}: ${reason}`);
      const id = await begin();
      await said(id, "x = 40");
      const ticker = await start(id, { kind: "command", background: true, argv: TICKER });
      const child = (await services().snapshots.fork(TENANT, id)).sessions[0]?.id ?? "";
      await expect(
        services()
          .executions.start(TENANT, id, { kind: "repl", language: "python", input: UNTIL_GO })
          .then(async () => {
            await services().sessions.pause(TENANT, id);
          }),
      ).rejects.toMatchObject({ code: "conflict" });
      await (await services().sessions.files(TENANT, id)).write("go", new Uint8Array());
      expect(await said(id, "x")).toBe("'done'");
      expect((await services().sessions.pause(TENANT, id)).status).toBe("paused");
      const released = await services().sessions.pause(TENANT, id, { release: true });
      expect(released.status).toBe("paused");
      const [kept] = (await services().snapshots.list(TENANT, id)).items;
      expect(kept).toMatchObject({ origin: "release", kind: "memory" });
      const refused = { code: "session_not_ready" };
      await expect(stage.py(id, "1")).rejects.toMatchObject(refused);
      await expect(services().snapshots.fork(TENANT, id)).rejects.toMatchObject(refused);
      await expect(services().snapshots.delete(TENANT, id, kept?.id ?? "")).rejects.toMatchObject({ code: "conflict" });
      expect((await services().sessions.pause(TENANT, child)).status).toBe("paused");
      const { dir } = stage;
      await stage.letGo();
      stage = await open(dir);
      expect(await services().recover()).toMatchObject({ attached: 1, closed: 0, settled: 0 });
      expect((await services().sessions.get(TENANT, child)).status).toBe("paused");
      expect((await services().sessions.resume(TENANT, child)).status).toBe("ready");
      // The copy's program belongs to no execution, and goes on all the same.
      const ticks = async () => Number(await said(child, "int(open('ticks').read() or 0)"));
      const counted = await ticks();
      await expect.poll(ticks, PATIENCE).toBeGreaterThan(counted);
      expect(await said(child, "x")).toBe("40");
      await close(child);
      expect((await services().sessions.get(TENANT, id)).status).toBe("paused");
      expect((await services().executions.get(TENANT, ticker)).status).toBe("running");
      const mend = change(join(dir, "snapshots", id, kept?.id ?? "", "manifest.json"), (text) =>
        text.replace(/("sha256":")./g, "$1x"),
      );
      await expect(services().sessions.resume(TENANT, id)).rejects.toMatchObject({ code: "snapshot_corrupt" });
      mend();
      freeBytes = 1;
      await expect(services().sessions.resume(TENANT, id)).rejects.toMatchObject({ code: "resource_exhausted" });
      freeBytes = Number.POSITIVE_INFINITY;
      expect((await services().sessions.resume(TENANT, id)).status).toBe("ready");
      expect((await services().snapshots.list(TENANT, id)).items).toEqual([]);
      expect(await said(id, "x")).toBe("'done'");
      const seen = async () => (await services().executions.events(TENANT, ticker)).length;
      const events = await seen();
      await expect.poll(seen, PATIENCE).toBeGreaterThan(events);
      await services().executions.cancel(TENANT, ticker);
      expectCounted(await services().executions.events(TENANT, ticker));
      expect(await eventCodes(id)).toEqual(["session_paused", "session_paused", "session_resumed"]);
      await services().sessions.pause(TENANT, id, { release: true });
      expect((await close(id))[0]?.status).toBe("closed");
      // What it was is still there to be continued.
      const last = (await services().snapshots.list(TENANT, id)).items[0]?.id ?? "";
      const [heir] = (await services().snapshots.fork(TENANT, id, { snapshotId: last })).sessions;
      expect(await said(heir?.id ?? "", "x")).toBe("'done'");
      await expect(services().snapshots.fork(TENANT, id)).rejects.toMatchObject(refused);
      await close(heir?.id ?? "");
      expect(readdirSync(join(dir, "workspaces")).filter((name) => name.startsWith(id))).toHaveLength(0);
    });

    test("go on when their memory cannot be kept", async ({ skip }) => {
      skip(reason !== undefined, `isolation ${isolation}: ${reason}`);
      await using small = await openStage({ more, quotas: { tenant: { snapshotMb: 1 } } });
      const { sessions, executions, snapshots } = small.services;
      const id = await small.session({ isolation: isolation as Isolation });
      await small.py(id, "x = 1");
      const { execution } = await executions.start(TENANT, id, { kind: "command", background: true, argv: TICKER });
      await expect(sessions.pause(TENANT, id, { release: true })).rejects.toMatchObject({ code: "resource_exhausted" });
      expect((await sessions.get(TENANT, id)).status).toBe("ready");
      expect(shown(await small.py(id, "x"))).toBe("1");
      const seen = async () => (await executions.events(TENANT, execution.id)).length;
      const events = await seen();
      await expect.poll(seen, PATIENCE).toBeGreaterThan(events);
      await executions.cancel(TENANT, execution.id);
      expectCounted(await executions.events(TENANT, execution.id));
      expect((await snapshots.list(TENANT, id)).items).toEqual([]);
    });

    test("are forked as often as there is room for, or not at all", async ({ skip }) => {
      skip(reason !== undefined, `isolation ${isolation}: ${reason}`);
      const id = await begin();
      await said(id, "x = 1");
      const live = async () => (await services().sessions.summary(TENANT)).sessions.live;
      const others = (await live()) - 1;
      const full = { code: "resource_exhausted" };
      await expect(services().snapshots.fork(TENANT, id, { count: 8 })).rejects.toMatchObject(full);
      freeBytes = 1_000_000;
      await expect(services().snapshots.fork(TENANT, id)).rejects.toMatchObject(full);
      freeBytes = Number.POSITIVE_INFINITY;
      expect(await live()).toBe(others + 1);
      expect(await said(id, "x")).toBe("1");
      await close(id);
      await expect(services().snapshots.fork(TENANT, id)).rejects.toMatchObject({ code: "session_not_ready" });
    });
  });
}

function shown({ events }: Ran): string {
  const value = events.find((event) => event.type === "value");
  return value?.type === "value" ? value.payload.preview : "";
}

/** What a ticker printed: no number is missing, none is there twice. */
function expectCounted(events: Ran["events"]): void {
  const numbers = textOf(events, "stdout").match(/\d+/g)?.map(Number) ?? [];
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
}

/** Changes a text file; gives how to have it back. */
function change(path: string, by: (text: string) => string): () => void {
  const text = readFileSync(path, "utf8");
  expect(by(text)).not.toBe(text);
  writeFileSync(path, by(text));
  return () => writeFileSync(path, text);
}
