import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";
import { cleanEnv, glovebox } from "../support/server.ts";

const stage = useServer();
const run = promisify(execFile);

test("a server on an empty data folder answers health and ready", async () => {
  expect((await stage.http.get("/v1/health")).body).toMatchObject({ status: "ok" });
  expect((await stage.http.get("/v1/ready")).status).toBe(200);
});

test("doctor lists every isolation as available, with what it measured, or why not", async () => {
  const { isolations, languages, ok } = await stage.box.doctor();
  expect(isolations.map(({ name }) => name).sort()).toEqual([
    "bubblewrap",
    "firecracker",
    "gvisor",
    "isolate",
    "microvm",
  ]);
  for (const isolation of isolations) {
    if (isolation.available) expect(isolation.startMs).toBeGreaterThan(0);
    else expect(isolation.reason).toMatch(/\w+ \w+/);
  }
  expect(languages.map(({ name }) => name)).toEqual(expect.arrayContaining(["javascript", "typescript"]));
  expect(ok).toBe(true);
});

test("the command doctor says the same without a server", async () => {
  const { stdout } = await run(glovebox, ["doctor", "--json"], { env: cleanEnv() });
  const report = JSON.parse(stdout);
  expect(Object.keys(report)).toEqual(
    expect.arrayContaining(["node", "platform", "kvm", "isolations", "languages", "ok"]),
  );
  expect(report.ok).toBe(true);
});

test("a second server on the same folder is refused and told who holds it", async () => {
  const args = ["up", "--port", "0", "--data", stage.server.dataDir, "--json"];
  const failure = await run(glovebox, args, { env: cleanEnv() }).catch(
    (error: { code: number; stderr: string }) => error,
  );
  expect(failure).toMatchObject({ code: expect.any(Number) });
  expect((failure as { code: number }).code).not.toBe(0);
  expect(failure.stderr).toContain(String(stage.server.pid));
});

test("a port in use is a clear error, and nothing is left of the folder's lock", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-e2e-"));
  const port = new URL(stage.server.url).port;
  const args = ["up", "--port", port, "--data", dataDir];
  const failure = await run(glovebox, args, { env: cleanEnv() }).catch(
    (error: { code: number; stderr: string }) => error,
  );
  expect((failure as { code: number }).code).toBe(5);
  expect(failure.stderr).toContain(port);
  await rm(dataDir, { recursive: true, force: true });
});
