import { execFile } from "node:child_process";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDnsServer } from "../../packages/glovebox/src/governance/egress/testing/dns-server.ts";
import { outcome } from "../support/flow.ts";
import { startOrigin } from "../support/origins.ts";
import { cleanEnv, glovebox, startServer } from "../support/server.ts";

const run = promisify(execFile);
const NOBODY = 65_534;
/** Where the tests run as root they drop to a user without any rights; elsewhere they are one already. */
const wrapper =
  process.getuid?.() === 0
    ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--inh-caps=-all"]
    : [];

let home = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "glovebox-user-"));
  if (wrapper.length > 0) await chown(home, NOBODY, NOBODY);
});
afterAll(() => rm(home, { recursive: true, force: true }));

test("a user without rights runs a program without a server, from a checkout that is not theirs", async () => {
  const [command = glovebox, ...args] = [
    ...wrapper,
    glovebox,
    "run",
    "--lang",
    "python",
    "-e",
    "import os; print(6 * 7, os.getuid())",
  ];
  const { stdout } = await run(command, args, { env: { ...cleanEnv(), HOME: home } });
  expect(stdout).toBe("42 1000\n");
});

test("a user without rights gets every limit enforced by a server of their own", async () => {
  await using server = await startServer({ wrapper, dataDir: join(home, "data"), env: { HOME: home } });
  const box = await Glovebox.connect({ url: server.url, token: server.token });
  await using session = await box.sessions.create({ template: "python", limits: { memoryMb: 96, pids: 48 } });
  for (const { limit, applied, mechanism } of session.info.limitsApplied) {
    expect([limit, applied === null, mechanism]).toEqual([limit, false, expect.stringMatching(/\w/)]);
  }
  const memory = await session.run("blocks = []\nwhile True: blocks.append(b'x' * (8 << 20))");
  expect(outcome(memory)).toMatchObject({ status: "memory_limit", exitCode: 137 });
  const fork = "import os, time\nfor _ in range(200):\n    if os.fork() == 0: time.sleep(5); os._exit(0)";
  expect(outcome(await session.run(fork, { limits: { wallMs: 5000 } })).status).not.toBe("ok");
  expect((await session.run("6 * 7")).value?.json).toBe(42);
});

test("a user without rights lets sandboxes out where the template says, and installs packages", async () => {
  await using origin = await startOrigin();
  await using names = await startDnsServer();
  for (const name of ["allowed", "registry"]) names.set(`${name}.test`, ["127.0.0.1"]);
  await using server = await startServer({
    wrapper,
    dataDir: join(home, "network"),
    env: {
      HOME: home,
      GLOVEBOX_EGRESS_PERMIT_ADDRESSES: "127.0.0.1/32",
      GLOVEBOX_EGRESS_NAME_SERVERS: names.address,
      GLOVEBOX_PACKAGES_NODE: `http://registry.test:${origin.port}/`,
    },
  });
  const box = await Glovebox.connect({ url: server.url, token: server.token });
  await box.templates.create({
    name: "out",
    isolation: "bubblewrap",
    network: { mode: "allowlist", allow: [`allowed.test:${origin.port}`] },
    packages: { apt: [], python: [], node: ["tiny-mitten@1.0.0"], cargo: [] },
  });
  await using session = await box.sessions.create({ template: "out" });
  const get = (host: string) => session.exec(["curl", "-sS", "--fail", `http://${host}:${origin.port}/hello`]);
  expect(outcome(await get("allowed.test"))).toMatchObject({ status: "ok", stdout: "hello from outside\n" });
  expect(outcome(await get("registry.test"))).toMatchObject({ status: "error", stdout: "" });
  const warm = await session.run("require('tiny-mitten')()", { language: "javascript" });
  expect(warm.value?.json).toBe("warm");
});
