import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox, type Pool } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { hostLeftovers } from "../chaos/host-leftovers.ts";
import { execute } from "../support/execute.ts";
import { glovebox, startServer } from "../support/server.ts";

async function until(box: Glovebox, template: string, done: (pool: Pool) => boolean): Promise<void> {
  await expect.poll(async () => done(await box.pools.show(template)), { timeout: 60_000, interval: 50 }).toBe(true);
}

test("what pools had ready when the server was killed is swept, sessions out of them go on, and a server that stops leaves nothing", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-e2e-"));
  try {
    const first = await startServer({ dataDir, env: { GLOVEBOX_POOLS_BUBBLEWRAP_MIN: "2" } });
    const box = await Glovebox.connect({ url: first.url, token: first.token });
    const token = (await box.tokens.create({ name: "lasting", roles: ["admin"] })).secret;
    const viewer = (await box.tokens.create({ name: "looks", roles: ["viewer"] })).secret;
    await until(box, "python", ({ ready, source }) => ready === 2 && source === "configuration");
    const plain = await box.sessions.create({ template: "python" });
    await plain.run("kept = 'plain'\n_ = open('f', 'w').write('file')");
    const own = await box.sessions.create({ template: "python", key: "own", env: { OWN: "mine" } });
    await own.run("kept = 'own'");
    expect((await box.pools.show("python")).hits).toBe(2);
    await box.pools.set("bash", { min: 1, max: 3 });
    await until(box, "python", ({ ready }) => ready === 2);
    await until(box, "bash", ({ ready }) => ready === 1);
    const before = (await readdir(join(dataDir, "run"))).filter((name) => /^[0-9a-f-]{36}$/.test(name));
    expect(before).toHaveLength(5);
    await first.kill();

    const second = await startServer({ dataDir });
    const again = await Glovebox.connect({ url: second.url, token });
    const [python, bash] = [await again.pools.show("python"), await again.pools.show("bash")];
    expect(python).toMatchObject({ state: "off", ready: 0, hits: 0 });
    expect(bash).toMatchObject({ source: "set", size: { min: 1, max: 3, refillConcurrency: 1 } });
    const after = new Set(await readdir(join(dataDir, "run")));
    expect(before.filter((id) => after.has(id))).toHaveLength(2);
    const goesOn = await again.sessions.get(plain.id);
    expect((await goesOn.run("kept, open('f').read()")).value?.preview).toBe("('plain', 'file')");
    const ownAgain = await again.sessions.get(own.id);
    expect((await ownAgain.run("import os; kept + os.environ['OWN']")).value?.json).toBe("ownmine");
    expect((await ownAgain.exec(["printenv", "OWN"])).stdout).toBe("mine\n");

    await until(again, "bash", ({ ready }) => ready === 1);
    const cli = async (...words: string[]) =>
      String(await execute([glovebox, "--url", second.url, "--token", token, "pool", ...words], { cwd: dataDir }));
    const asViewer = new Glovebox({ url: second.url, token: viewer });
    expect((await asViewer.pools.list()).items.map(({ template }) => template)).toEqual(["bash"]);
    await expect(asViewer.pools.set("bash", { max: 0 })).rejects.toMatchObject({ code: "permission_denied" });
    await expect(asViewer.pools.drain("bash")).rejects.toMatchObject({ code: "permission_denied" });
    expect(await cli("show", "bash")).toMatch(/state\tready/);
    expect(await cli("list")).toMatch(/^bash\tbubblewrap\tready\t1 of 1\t1 to 3\t/);
    expect(JSON.parse(await cli("set", "bash", "--max", "0", "--min", "0", "--json"))).toMatchObject({ state: "off" });
    await Promise.all([goesOn.close(), ownAgain.close()]);
    await again.pools.set("bash", { reset: true });
    await again.pools.set("python", { min: 1, max: 1 });
    await until(again, "python", ({ ready }) => ready === 1);
    expect(await second.stop()).toBe(0);
    expect(await hostLeftovers(dataDir)).toEqual([]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
