import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox, type Session } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { MicrovmDriver } from "../../packages/glovebox/src/sandbox/microvm/index.ts";
import { parseStatus } from "../../packages/glovebox/src/sandbox/supervisor/index.ts";
import { hostLeftovers } from "../chaos/host-leftovers.ts";
import { startServer } from "../support/server.ts";

/** How many machines live when the server is killed. */
const MACHINES = 10;
const LANGUAGES = {
  python: "6 * 7",
  javascript: "6 * 7",
  typescript: "const answer: number = 6 * 7; answer",
  bash: "echo $((6 * 7))",
} as const;

test("sessions in machines: four languages, files, a fork, a rollback, and a server that is killed", {
  timeout: 240_000 + MACHINES * 20_000,
}, async ({ skip }) => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-e2e-"));
  try {
    await using first = await startServer({ dataDir });
    const box = await Glovebox.connect({ url: first.url, token: first.token });
    const probed = (await box.doctor()).isolations.find(({ name }) => name === "microvm");
    skip(probed?.available !== true, `isolation microvm: ${probed?.reason}`);
    const token = (await box.tokens.create({ name: "lasting", roles: ["admin"] })).secret;
    const main = await box.sessions.create({ isolation: "microvm" });
    await speaksAll(main);
    await filesGoBack(main);
    const others = await Promise.all(
      Array.from({ length: MACHINES }, async (_, number) => {
        const session = await box.sessions.create({ isolation: "microvm" });
        await session.run(`number = ${number}`);
        return session;
      }),
    );
    await expect.poll(() => nurseries(dataDir), { timeout: 60_000 }).toBeGreaterThan(0);
    await first.kill();
    // One of them does not live to see the next server.
    const lost = others[0]?.id ?? "";
    await killMachine(dataDir, lost);

    await using second = await startServer({ dataDir, env: { GLOVEBOX_SANDBOX_MACHINE_COPIES: "files" } });
    const again = await Glovebox.connect({ url: second.url, token });
    expect((await (await again.sessions.get(main.id)).run("kept")).value?.json).toBe("before");
    for (const [number, { id }] of others.entries()) {
      const session = await again.sessions.get(id);
      if (id !== lost) expect((await session.run("number")).value?.json).toBe(number);
      else
        expect(await again.sessions.info(id)).toMatchObject({
          status: "closed",
          restartReason: expect.stringMatching(/\w/),
        });
      await session.close();
    }
    await (await again.sessions.get(main.id)).close();
    // Those of the first server end with their copies, and this one makes none.
    await expect.poll(() => nurseries(dataDir), { timeout: 15_000 }).toBe(0);
    const fromFiles = await again.sessions.create({ isolation: "microvm" });
    expect((await fromFiles.run("6 * 7")).value?.json).toBe(42);
    expect(await nurseries(dataDir)).toBe(0);
    await fromFiles.close();
    await second.stop();
    await expect.poll(() => hostLeftovers(dataDir), { timeout: 15_000 }).toEqual([]);
  } finally {
    // Those of a test that failed.
    await using driver = new MicrovmDriver({ runDir: join(dataDir, "microvm"), waiting: 0 });
    await driver.sweep(new Set());
    await rm(dataDir, { recursive: true, force: true });
  }
});

/** How many QEMUs stand ready to be copied: folders that keep the name of one that waits, with a disk. */
async function nurseries(dataDir: string): Promise<number> {
  const names = await readdir(join(dataDir, "microvm"));
  const waiting = names.filter((name) => name.startsWith("waiting-"));
  return waiting.filter((name) => existsSync(join(dataDir, "microvm", name, "workspace"))).length;
}

async function speaksAll(session: Session): Promise<void> {
  for (const [language, code] of Object.entries(LANGUAGES)) {
    const { stdout, value, execution } = await session.run(code, { language: language as keyof typeof LANGUAGES });
    expect({ language, status: execution.status }).toEqual({ language, status: "ok" });
    expect(language === "bash" ? Number(stdout) : value?.json, language).toBe(42);
  }
  await session.run("kept = 'before'");
}

async function filesGoBack(session: Session): Promise<void> {
  await session.files.write("f", "first");
  expect((await session.exec(["cat", "f"])).stdout).toBe("first");
  const { id } = await session.snapshots.create();
  const [child] = (await session.fork()).sessions;
  if (child === undefined) throw new Error("there is no fork");
  await using fork = child;
  expect((await fork.exec(["cat", "f"])).stdout).toBe("first");
  expect((await fork.run("kept")).value?.json).toBe("before");
  await fork.exec(["sh", "-c", "echo other > f"]);
  await session.exec(["sh", "-c", "echo second > f"]);
  await session.rollback(id);
  expect((await session.exec(["cat", "f"])).stdout).toBe("first");
  expect((await fork.exec(["cat", "f"])).stdout).toBe("other\n");
}

/** Kills the machine's first process on the host. */
async function killMachine(dataDir: string, sessionId: string): Promise<void> {
  const { started } = parseStatus(await readFile(join(dataDir, "microvm", sessionId, "status"), "utf8"));
  if (started === undefined) throw new Error("the machine has not started");
  process.kill(started.pid, "SIGKILL");
}
