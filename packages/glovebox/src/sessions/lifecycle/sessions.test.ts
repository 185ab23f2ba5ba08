import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SessionInput, StoredEvent } from "../../core/index.ts";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";
import { workspaceDir } from "./workspace.ts";

const run = promisify(execFile);
let stage: Stage;
let folder: string;
beforeAll(async () => {
  stage = await openStage({ quotas: { tenant: { sessions: 12, memoryMb: 100_000 } } });
  folder = await mkdtemp(join(tmpdir(), "glovebox-sources-"));
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const create = (input: SessionInput, trusted = true) => stage.services.sessions.create(TENANT, input, { trusted });

async function streamOf(id: string): Promise<StoredEvent[]> {
  const stream = await stage.services.sessions.eventStream(TENANT, id);
  const events: StoredEvent[] = [];
  for await (const event of stage.store.events.follow(stream)) events.push(event);
  return events;
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  await expect.poll(check, { timeout: 5_000, interval: 20 }).toBe(true);
}

test("a session goes from starting to ready to closed; closing again changes nothing; delete removes rows and disk", async () => {
  const { session } = await create({ template: "bash", metadata: { a: "b" }, env: { X: "1" } });
  expect(session).toMatchObject({
    status: "ready",
    workspace: { kind: "empty" },
    metadata: { a: "b" },
    env: { X: "1" },
  });
  expect(session.readyAt).toBeDefined();
  await stage.run(session.id, { kind: "command", argv: ["bash", "-c", "echo $X > file"] });
  const disk = workspaceDir(stage.dir, session.id);
  expect(existsSync(join(disk, "file"))).toBe(true);
  const closed = await stage.services.sessions.close(TENANT, session.id, "tester");
  expect(closed).toMatchObject({ status: "closed", closedBy: "tester" });
  expect(await stage.services.sessions.close(TENANT, session.id, "other")).toEqual(closed);
  await expect(stage.services.sessions.files(TENANT, session.id)).rejects.toMatchObject({ code: "session_not_ready" });
  expect((await streamOf(session.id)).at(-1)?.payload).toMatchObject({ code: "session_closed" });
  await stage.services.sessions.delete(TENANT, session.id);
  await expect(stage.services.sessions.get(TENANT, session.id)).rejects.toMatchObject({ code: "not_found" });
  expect(existsSync(disk)).toBe(false);
});

test("closing interrupts what runs and what waits; both end as cancelled", async () => {
  const { session } = await create({ template: "python" });
  const start = (input: string) =>
    stage.services.executions.start(TENANT, session.id, { kind: "repl", language: "python", input, onBusy: "queue" });
  const running = await start("import time; time.sleep(60)");
  const waiting = await start("1");
  await delay(150);
  await stage.services.sessions.close(TENANT, session.id);
  expect((await running.finished).status).toBe("cancelled");
  expect((await waiting.finished).status).toBe("cancelled");
});

test("a key belongs to one open session; reuse gives that one, also to many at once", async () => {
  const { session } = await create({ template: "bash", key: "k" });
  await expect(create({ template: "bash", key: "k" })).rejects.toMatchObject({ code: "conflict" });
  const again = await create({ template: "bash", key: "k", reuse: true });
  expect([again.reused, again.session.id]).toEqual([true, session.id]);
  await stage.services.sessions.close(TENANT, session.id);
  const many = await Promise.all([1, 2, 3].map(() => create({ template: "bash", key: "k", reuse: true })));
  expect(new Set(many.map((one) => one.session.id)).size).toBe(1);
  expect(many.filter(({ reused }) => !reused)).toHaveLength(1);
  await stage.services.sessions.close(TENANT, many[0]?.session.id ?? "");
  await expect(create({ template: "bash", reuse: true })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a sandbox that dies makes its session crashed within a second, with the reason; clients are told on the stream", async () => {
  const { session } = await create({ template: "python" });
  const { finished } = await stage.services.executions.start(TENANT, session.id, {
    kind: "repl",
    language: "python",
    input: "import time; time.sleep(60)",
  });
  const following = streamOf(session.id);
  await killAgentOf(session.id);
  const killedMs = performance.now();
  await eventually(async () => (await stage.services.sessions.get(TENANT, session.id)).status === "crashed");
  expect(performance.now() - killedMs).toBeLessThan(5_000);
  const row = await stage.services.sessions.get(TENANT, session.id);
  expect(row.lastError?.code).toMatch(/signal|exit/);
  expect((await following).at(-1)?.payload).toMatchObject({ code: "session_crashed" });
  expect(await finished).toMatchObject({ status: "lost", exitCode: 1 });
  await expect(stage.py(session.id, "1")).rejects.toMatchObject({ code: "session_not_ready" });
});

/** Kills the first process of a sandbox from outside, as the kernel would. */
async function killAgentOf(sessionId: string): Promise<void> {
  const workspace = workspaceDir(stage.dir, sessionId);
  const { stdout } = await run("bash", ["-c", `grep -lsF '${workspace}' /proc/[0-9]*/mountinfo || true`]);
  const pids = stdout.split("\n").flatMap((line) => {
    const pid = /^\/proc\/(\d+)\//.exec(line)?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) {
    const status = execFileSync("cat", [`/proc/${pid}/status`]).toString();
    // The first process of the inner pid namespace.
    if (/^NSpid:.*\s1$/m.test(status)) return void process.kill(pid, "SIGKILL");
  }
  throw new Error("no first process found");
}

test("idle sessions close by themselves, kept-alive ones later, and all at the end of their lifetime", async () => {
  const idle = await create({ template: "bash", idleTimeoutMs: 1_000 });
  const kept = await create({ template: "bash", idleTimeoutMs: 1_000 });
  const busy = await create({ template: "bash", idleTimeoutMs: 1_000 });
  const short = await create({ template: "bash", maxLifetimeMs: 1_000 });
  const argv = ["sleep", "30"];
  await stage.services.executions.start(TENANT, busy.session.id, { kind: "command", argv, background: true });
  await stage.services.executions.start(TENANT, short.session.id, { kind: "command", argv, background: true });
  for (let i = 0; i < 8; i += 1) {
    await delay(200);
    await stage.services.sessions.keepalive(TENANT, kept.session.id);
  }
  const status = async (id: string) => {
    const { status: is, closedBy } = await stage.services.sessions.get(TENANT, id);
    return `${is} ${closedBy ?? ""}`;
  };
  await eventually(async () => (await status(idle.session.id)) === "closed idle");
  await eventually(async () => (await status(short.session.id)) === "closed lifetime");
  expect(await status(kept.session.id)).toBe("ready ");
  expect(await status(busy.session.id)).toBe("ready ");
  await Promise.all([kept, busy].map(({ session }) => stage.services.sessions.close(TENANT, session.id)));
});

test("a workspace is a copy of a folder, links as links; only the trusted may ask for it", async () => {
  const source = join(folder, "source");
  await mkdir(join(source, "sub"), { recursive: true });
  await writeFile(join(source, "sub", "a.txt"), "hello");
  await symlink("/etc/hostname", join(source, "link"));
  const input: SessionInput = { template: "bash", workspace: { kind: "dir", source } };
  await expect(create(input, false)).rejects.toMatchObject({ code: "permission_denied" });
  const { session } = await create(input);
  expect(session.workspace).toEqual({ kind: "dir", source });
  const ran = await stage.run(session.id, {
    kind: "command",
    argv: ["bash", "-c", "cat sub/a.txt; readlink link; echo x >> sub/a.txt"],
  });
  expect([ran.out, ran.execution.status]).toEqual(["hello/etc/hostname\n", "ok"]);
  await stage.services.sessions.close(TENANT, session.id);
  const missing: SessionInput = { template: "bash", workspace: { kind: "dir", source: join(folder, "none") } };
  await expect(create(missing)).rejects.toMatchObject({ code: "workspace_invalid" });
});

test("a workspace is a git repository at a ref, with its commit; nothing in the repository runs on the host", async () => {
  const repo = join(folder, "repo");
  const git = (...args: string[]) => run("git", ["-C", repo, "-c", "user.name=t", "-c", "user.email=t@t", ...args]);
  await mkdir(repo);
  await git("init", "-q", "-b", "main");
  await writeFile(join(repo, "f"), "one");
  await git("add", ".");
  await git("commit", "-qm", "one");
  await git("branch", "old");
  await writeFile(join(repo, "f"), "two");
  await git("commit", "-qam", "two");
  const old = (await git("rev-parse", "old")).stdout.trim();
  for (const ref of ["old", old]) {
    const { session } = await create({ template: "bash", workspace: { kind: "git", source: `file://${repo}`, ref } });
    expect(session.workspace.baseCommit).toBe(old);
    const ran = await stage.run(session.id, {
      kind: "command",
      argv: ["bash", "-c", "cat f; git status --short 2>&1 | head -1"],
    });
    expect(ran.out).toBe("one");
    await stage.services.sessions.close(TENANT, session.id);
  }
  for (const ref of ["nope", "--upload-pack=x"]) {
    const bad: SessionInput = { template: "bash", workspace: { kind: "git", source: repo, ref } };
    await expect(create(bad)).rejects.toMatchObject({ code: "workspace_invalid" });
  }
  const remote: SessionInput = { template: "bash", workspace: { kind: "git", source: "https://example.org/x" } };
  await expect(create(remote)).rejects.toMatchObject({ code: "workspace_invalid" });
});

test("a workspace is an archive, unpacked inside; one that leads out is refused and leaves the session crashed", async () => {
  await writeFile(join(folder, "in.txt"), "packed");
  const tar = execFileSync("tar", ["-C", folder, "-cf", "-", "in.txt"]).toString("base64");
  const { session } = await create({ template: "bash", workspace: { kind: "archive", source: tar } }, false);
  expect((await stage.run(session.id, { kind: "command", argv: ["cat", "in.txt"] })).out).toBe("packed");
  await stage.services.sessions.close(TENANT, session.id);
  const out = execFileSync("tar", ["-C", folder, "-cPf", "-", "--transform", "s,^,../../,", "in.txt"]).toString(
    "base64",
  );
  await expect(create({ template: "bash", workspace: { kind: "archive", source: out } })).rejects.toMatchObject({
    code: "workspace_invalid",
  });
});

test("quotas are held, and what is closed is given back", async () => {
  await using small = await openStage({ quotas: { tenant: { sessions: 1 }, host: { memoryMb: 1_000 } } });
  const first = await small.session({ template: "bash" });
  await expect(small.session({ template: "bash" })).rejects.toMatchObject({ code: "resource_exhausted" });
  const other = small.services.sessions.create("other", { template: "bash" });
  await expect(other).rejects.toMatchObject({
    code: "resource_exhausted",
    details: { owner: "host", quota: "memoryMb" },
  });
  await small.services.sessions.close(TENANT, first);
  await small.services.sessions.close(TENANT, await small.session({ template: "bash" }));
});

test("limits, times, languages and isolations above or beside the template's are refused by name", async () => {
  const bad: [SessionInput, string][] = [
    [{ template: "bash", limits: { memoryMb: 1 << 20 } }, "invalid_argument"],
    [{ template: "bash", idleTimeoutMs: 29 * 86_400_000 }, "invalid_argument"],
    [{ template: "bash", languages: ["rust"] }, "language_unavailable"],
    [{ template: "bash", isolation: "isolate" }, "invalid_argument"],
    [{ template: "no-such" }, "not_found"],
    [{ isolation: "isolate", languages: ["python"] }, "language_unavailable"],
    [{ isolation: "firecracker" }, "isolation_unavailable"],
  ];
  for (const [input, code] of bad) await expect(create(input), JSON.stringify(input)).rejects.toMatchObject({ code });
});

test("making a session can be given up, and nothing of it is left", async () => {
  const before = (await stage.services.sessions.summary(TENANT)).sessions.live;
  const gone = new AbortController();
  const making = stage.services.sessions.create(TENANT, { template: "python" }, { signal: gone.signal });
  setTimeout(() => gone.abort(), 2);
  const result = await making.then(
    ({ session }) => session.status,
    (error: { code?: string }) => error.code,
  );
  if (result !== "ready") expect(result).toBe("cancelled");
  await eventually(
    async () => (await stage.services.sessions.summary(TENANT)).sessions.live <= before + (result === "ready" ? 1 : 0),
  );
});

test("stats, filters and the summary tell what is there", async () => {
  const { session } = await create({ template: "bash" });
  const stats = await stage.services.sessions.stats(TENANT, session.id);
  expect(stats.memoryBytes).toBeGreaterThan(0);
  expect(stats.limits.map(({ limit }) => limit)).toContain("memoryMb");
  const ready = await stage.services.sessions.list(TENANT, { status: ["ready"], templateId: session.templateId });
  expect(ready.items.map(({ id }) => id)).toContain(session.id);
  expect((await stage.services.sessions.summary(TENANT)).sessions.byStatus.ready).toBeGreaterThan(0);
  expect((await stage.services.sessions.summary("nobody")).sessions.total).toBe(0);
  await stage.services.sessions.close(TENANT, session.id);
});

test("isolations are probed once and say which is the default, and why", async () => {
  const { probes, default: isolation, why } = await stage.services.isolations();
  expect(Object.keys(probes).sort()).toEqual(["bubblewrap", "isolate"]);
  expect(isolation).toBe("bubblewrap");
  expect(why.length).toBeGreaterThan(10);
});
