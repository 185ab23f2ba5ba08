import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { newId, type Pool, type SessionInput } from "../../core/index.ts";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await stage.services.recover();
});
afterAll(() => stage[Symbol.asyncDispose]());
afterEach(async () => {
  for (const { template } of await pools().list(TENANT)) await pools().set(TENANT, template, { min: 0, max: 0 });
  await expect.poll(() => running().filter((id) => !sessions.has(id)), { timeout: 10_000 }).toEqual([]);
});

/** Sandboxes of sessions of this file that are still open. */
const sessions = new Set<string>();
const pools = () => stage.services.pools;
const show = (template: string) => pools().show(TENANT, template);
/** Ids of the sandboxes on this host. */
const running = () => readdirSync(join(stage.dir, "run")).filter((name) => /^[0-9a-f-]{36}$/.test(name));
const sh = (id: string, code: string) => stage.run(id, { kind: "command", argv: ["bash", "-c", code] });

async function until(template: string, done: (pool: Pool) => boolean): Promise<Pool> {
  await expect.poll(async () => done(await show(template)), { timeout: 30_000, interval: 20 }).toBe(true);
  return show(template);
}

async function fill(template: string, min: number): Promise<string[]> {
  const before = running();
  await pools().set(TENANT, template, { min, max: min, refillConcurrency: 2 });
  await until(template, ({ ready }) => ready >= min);
  return running().filter((id) => !before.includes(id));
}

async function open(input: SessionInput): Promise<string> {
  const id = await stage.session(input);
  const record = (await stage.store.sessions.internals(id))?.sandboxRecord as { id: string };
  sessions.add(record.id);
  return id;
}

/** A session that had a ready sandbox, and one like it that had none. */
async function both(template: string, more: SessionInput = {}): Promise<{ warm: string; cold: string }> {
  await fill(template, 1);
  const { hits } = await show(template);
  const warm = await open({ template, ...more });
  expect((await show(template)).hits).toBe(hits + 1);
  await pools().set(TENANT, template, { min: 0, max: 0 });
  return { warm, cold: await open({ template, ...more }) };
}

describe("a session out of a pool", () => {
  test("sees and may do what any other does, and is known by its own id, uid and folder", async () => {
    const input = { metadata: { for: "test" }, languages: ["python"], idleTimeoutMs: 60_000 } as const;
    const { warm, cold } = await both("python", { ...input, languages: [...input.languages] });
    const look = [
      "id -u; hostname; pwd; env | sort; ulimit -a; ls -la /workspace | tail -n +4",
      "cut -d' ' -f3- /proc/self/mountinfo | grep -v ' /workspace ' | sed -E 's/^[0-9:]+ //; s/[ug]id=[0-9]+//g'",
      "grep -E 'Cap|Seccomp|NoNewPrivs' /proc/self/status",
    ].join("; ");
    expect((await sh(warm, look)).out).toBe((await sh(cold, look)).out);
    // Bash was not asked for, so its kernel that was ready is gone.
    expect((await sh(warm, "ps -eo args | grep -c '[k]ernel.sh'")).out).toBe("0\n");
    const code = "import os, sys; print(sys.flags, sys.path, sorted(os.environ), os.getcwd(), sorted(globals()))";
    expect((await stage.py(warm, code)).out).toBe((await stage.py(cold, code)).out);
    const [one, other] = await Promise.all([warm, cold].map((id) => stage.services.sessions.get(TENANT, id)));
    const known = ({ limitsApplied, ...row }: NonNullable<typeof one>) => ({
      limits: limitsApplied.map(({ limit, requested, mechanism }) => [limit, requested, mechanism]),
      row: { ...row, id: "", createdAt: "", readyAt: "", lastActivityAt: "", expiresAt: "" },
    });
    expect(one && known(one)).toEqual(other && known(other));
    const uid = (row: typeof one) => row?.limitsApplied.find(({ limit }) => limit === "uid")?.applied;
    if (process.getuid?.() === 0) expect(uid(one)).not.toBe(uid(other));
    const folder = (await stage.store.sessions.internals(warm))?.workspaceDir ?? "";
    await stage.services.sessions.delete(TENANT, warm);
    expect(existsSync(folder)).toBe(false);
  });

  test("has its own environment in programs and kernels, and what its template brings along", async () => {
    const startup = { path: "start.py", order: 0, mode: "eval" as const, content: "import os; SEED = os.environ['B']" };
    await stage.services.templates.create(TENANT, {
      name: "own-env",
      isolation: "bubblewrap",
      languages: ["python"],
      env: { A: "template", B: "template" },
      startupFiles: [startup],
    });
    const { warm, cold } = await both("own-env", { env: { B: "session", PYTHONDONTWRITEBYTECODE: "1" } });
    for (const id of [warm, cold]) {
      const seen = "import os, sys; print(os.environ['A'], os.environ['B'], SEED, sys.dont_write_bytecode)";
      expect((await stage.py(id, seen)).out).toBe("template session session True\n");
      expect((await sh(id, "echo $A $B; ls")).out).toBe("template session\nstart.py\n");
      // Nothing was lost, so nothing says so.
      const { execution } = await stage.py(id, "SEED");
      expect(execution.result).toMatchObject({ json: "session" });
    }
  });

  test("unpacks its archive before any kernel starts", async () => {
    const folder = join(stage.dir, "archived");
    const site = ".local/lib/python$(python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])')/site-packages";
    execFileSync("sh", [
      "-c",
      `mkdir -p ${folder} && cd ${folder} && mkdir -p ${site} && echo 'import sys; sys.early = 1' > ${site}/a.pth`,
    ]);
    const source = execFileSync("tar", ["-C", folder, "-cf", "-", "."]).toString("base64");
    const { warm, cold } = await both("python", { workspace: { kind: "archive", source } });
    const code = "import sys; getattr(sys, 'early', 0)";
    expect((await stage.py(cold, code)).execution.result).toMatchObject({ json: 1 });
    expect((await stage.py(warm, code)).execution.result).toMatchObject({ json: 1 });
  });

  test("shares no randomness with another, and its sandbox is never used again", async () => {
    await stage.services.templates.create(TENANT, {
      name: "random",
      isolation: "bubblewrap",
      languages: ["python", "javascript", "bash"],
    });
    await fill("random", 3);
    const ids = [
      await open({ template: "random" }),
      await open({ template: "random" }),
      await open({ template: "random" }),
    ];
    expect((await show("random")).hits).toBe(3);
    const draws = await Promise.all(
      ids.map(async (id) => [
        (await stage.py(id, "import random, os; print(random.random(), os.urandom(8).hex(), hash('x'))")).out,
        (
          await stage.run(id, { kind: "repl", language: "javascript", input: "console.log(Math.random())" })
        ).events.flatMap(({ type, payload }) => (type === "console" ? [JSON.stringify(payload)] : [])),
        (await stage.run(id, { kind: "repl", language: "bash", input: "echo $RANDOM$RANDOM $SRANDOM" })).out,
      ]),
    );
    expect(new Set(draws.flat(2).flatMap((text) => text.split(" "))).size).toBeGreaterThan(3 * 5);
    for (const kind of [0, 1, 2]) expect(new Set(draws.map((all) => String(all[kind]))).size).toBe(3);
    const used = [...sessions];
    for (const id of ids) await stage.services.sessions.close(TENANT, id);
    expect(new Set(used).size).toBe(used.length);
    await expect.poll(() => running().filter((id) => used.slice(-3).includes(id))).toEqual([]);
  });

  test("of an isolate has the same value of the same code, and none where its environment differs", async () => {
    const { warm, cold } = await both("js-isolate");
    for (const id of [warm, cold]) {
      const { execution } = await stage.run(id, {
        kind: "repl",
        language: "javascript",
        input: "globalThis.x = 20; x + 22",
      });
      expect(execution.result).toMatchObject({ json: 42 });
    }
    await fill("js-isolate", 1);
    await open({ template: "js-isolate", env: { A: "1" } });
    expect((await show("js-isolate")).misses.byReason).toMatchObject({ env: 1 });
  });
});

describe("a pool", () => {
  test("misses with a reason, and the session starts all the same", async () => {
    await fill("bash", 1);
    const folder = join(stage.dir, "source");
    execFileSync("mkdir", ["-p", folder]);
    await open({ template: "bash", limits: { memoryMb: 256 } });
    const { session } = await stage.services.sessions.create(
      TENANT,
      { template: "bash", workspace: { kind: "dir", source: folder } },
      { trusted: true },
    );
    sessions.add(session.id);
    const { ready, hits, misses } = await show("bash");
    expect({ ready, hits, misses }).toEqual({
      ready: 1,
      hits: 0,
      misses: { total: 2, byReason: { limits: 1, workspace: 1 } },
    });
    // Who is asked for at once gets each a sandbox of its own.
    const ids = await Promise.all([1, 2, 3].map(() => open({ template: "bash" })));
    expect(new Set(ids).size).toBe(3);
    expect(await show("bash")).toMatchObject({ hits: 1, misses: { byReason: { empty: 2 } } });
    expect(await until("bash", ({ ready: now }) => now === 1)).toMatchObject({ state: "ready", target: 1 });
  });

  test("replaces what dies while it waits, and hands out none that does not answer", async () => {
    const [first = ""] = await fill("bash", 1);
    process.kill(supervisorOf(first), "SIGKILL");
    await until("bash", ({ dead, ready }) => dead === 1 && ready === 1);
    expect(running()).not.toContain(first);
    const stopped = running().find((id) => !sessions.has(id)) ?? "";
    for (const pid of treeOf(supervisorOf(stopped))) process.kill(pid, "SIGSTOP");
    const id = await open({ template: "bash" });
    expect((await sh(id, "echo alive")).out).toBe("alive\n");
    expect(await show("bash")).toMatchObject({ dead: 2, misses: { byReason: { dead: 1 } } });
    await expect.poll(() => running().includes(stopped), { timeout: 10_000 }).toBe(false);
  });

  test("is its template's newest version's, and goes with the template", async () => {
    const pool = { min: 1, max: 2, refillConcurrency: 1 };
    await stage.services.templates.create(TENANT, {
      name: "changing",
      isolation: "bubblewrap",
      languages: ["bash"],
      pool,
    });
    expect(await until("changing", ({ ready }) => ready === 1)).toMatchObject({
      source: "template",
      templateVersion: 1,
    });
    const [old = ""] = running().filter((id) => !sessions.has(id));
    await stage.services.templates.update(TENANT, "changing", { env: { V: "2" } });
    await expect.poll(() => running().includes(old), { timeout: 10_000 }).toBe(false);
    await until("changing", ({ ready, templateVersion }) => ready === 1 && templateVersion === 2);
    const id = await open({ template: "changing" });
    expect((await stage.run(id, { kind: "repl", language: "bash", input: "echo $V" })).out).toBe("2\n");
    expect((await show("changing")).hits).toBe(1);
    await stage.services.sessions.close(TENANT, id);
    await stage.services.templates.delete(TENANT, "changing");
    expect((await pools().list(TENANT)).map(({ template }) => template)).not.toContain("changing");
  });

  test("is drained, filled anew, and its size is as it was set until that is reset", async () => {
    const before = await fill("bash", 2);
    await pools().drain(TENANT, "bash");
    expect(running().filter((id) => before.includes(id))).toEqual([]);
    await until("bash", ({ ready }) => ready === 2);
    await expect(pools().set(TENANT, "bash", { min: 5, max: 2 })).rejects.toMatchObject({ code: "invalid_argument" });
    expect((await pools().set(TENANT, "bash", { max: 1 })).size).toMatchObject({ min: 1, max: 1 });
    expect((await pools().set(TENANT, "bash", { min: 3 })).size).toMatchObject({ min: 3, max: 3 });
    await expect(pools().show("other", (await show("bash")).templateId)).rejects.toMatchObject({ code: "not_found" });
    expect(await pools().set(TENANT, "bash", { reset: true })).toMatchObject({ state: "off", source: "template" });
  });

  test("that cannot make one says why, and tries again later, not all the time", async () => {
    const like = await stage.services.templates.get(TENANT, "bash");
    const template = { ...like, id: newId(), name: "gone", isolation: "gvisor", version: 1 } as const;
    await stage.store.templates.create(template);
    await pools().set(TENANT, "gone", { min: 1, max: 1 });
    const pool = await until("gone", ({ state }) => state === "failing");
    expect(pool.error).toMatchObject({ code: "isolation_unavailable" });
    await pools().drain(TENANT, "gone");
    await expect.poll(async () => (await show("gone")).failed, { timeout: 10_000 }).toBe(2);
    expect(Date.parse((await show("gone")).error?.retryAt ?? "")).toBeGreaterThan(
      Date.parse(pool.error?.retryAt ?? ""),
    );
  });
});

test("pools stay within quotas, and give back what they have when memory is short", async () => {
  await using other = await openStage({
    quotas: { tenant: { sessions: 1 } },
    pools: { sizes: new Map([["bash", { min: 2, max: 2, refillConcurrency: 1 }]]), tenantId: TENANT },
  });
  await other.services.recover();
  const seen = async () => other.services.pools.show(TENANT, "bash");
  await expect.poll(async () => (await seen()).ready, { timeout: 30_000 }).toBe(1);
  expect(await seen()).toMatchObject({ source: "configuration", target: 2, state: "held", reason: "quota" });
  // What is ready takes nothing from sessions.
  const id = await other.session({ template: "bash" });
  await expect(other.session({ template: "bash" })).rejects.toMatchObject({ code: "resource_exhausted" });
  await other.services.sessions.close(TENANT, id);

  let minFreePercent = 0;
  await using short = await openStage({
    pools: {
      sizes: new Map([["bash", { min: 2, max: 2, refillConcurrency: 1 }]]),
      tenantId: TENANT,
      memory: {
        get minFreePercent() {
          return minFreePercent;
        },
        maxPressurePercent: 100,
      },
    },
  });
  await short.services.recover();
  const now = async () => short.services.pools.show(TENANT, "bash");
  await expect.poll(async () => (await now()).ready, { timeout: 30_000 }).toBe(2);
  minFreePercent = 100;
  await expect.poll(now, { timeout: 30_000 }).toMatchObject({ ready: 0, state: "held", reason: "memory", dropped: 2 });
  await expect.poll(() => readdirSync(join(short.dir, "workspaces")), { timeout: 30_000 }).toEqual([]);
  minFreePercent = 0;
  await expect.poll(async () => (await now()).ready, { timeout: 30_000 }).toBe(2);
});

function supervisorOf(sandbox: string): number {
  const status = readFileSync(join(stage.dir, "run", sandbox, "status"), "utf8");
  return Number(/^supervisor (\d+)/m.exec(status)?.[1]);
}

/** A process and all below it, the lowest last. */
function treeOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => treeOf(Number(child))))];
}
