import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../test/support/server.ts";
import { type CliOptions, cli } from "./testing/cli.ts";
import { onTerminal } from "./testing/terminal.ts";

const VALUE = "open sesame, said the clerk";

let server: TestServer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-cli-governance-"));
  server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "debug" } });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function glovebox(args: readonly string[], options: CliOptions = {}) {
  return cli(args, { ...options, env: { GLOVEBOX_DATA: server.dataDir, ...options.env } });
}

async function json(args: readonly string[], options: CliOptions = {}) {
  const result = await glovebox([...args, "--json"], options);
  expect(result.stderr).toBe("");
  return JSON.parse(result.stdout);
}

/** Processes that the server started; a thread may be gone by the time that it is asked for. */
function childrenOf(pid: number): string[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.flatMap((task) => {
    const file = `/proc/${pid}/task/${task}/children`;
    return existsSync(file) ? (readFileSync(file, "utf8").match(/\d+/g) ?? []) : [];
  });
}

const set = (...words: string[]) => ["secret", "set", ...words, "--host", "api.example.com"];

describe("secrets", () => {
  test("are read from a pipe or a file, listed without values, and deleted only when that is meant", async () => {
    const made = await glovebox([...set("PIPED", "-"), "--host", "*.example.org"], { input: `${VALUE}\n` });
    expect(made).toMatchObject({ code: 0, stdout: "PIPED\tversion 1\tapi.example.com,*.example.org\n" });
    expect((await glovebox(set("PIPED"), { input: VALUE })).stdout).toContain("version 2");
    const file = join(folder, "value");
    writeFileSync(file, `${VALUE}\r\n`);
    expect(await json([...set("FILED"), "--from-file", file])).toMatchObject({ name: "FILED", version: 1 });
    const { items } = await json(["secret", "list"]);
    expect(items.map(({ name }: { name: string }) => name)).toEqual(["FILED", "PIPED"]);
    expect(JSON.stringify(items)).not.toContain(VALUE);
    expect((await glovebox(["secret", "list"])).stdout.split("\n")[0]?.split("\t").slice(0, 3)).toEqual([
      "FILED",
      "api.example.com",
      "1",
    ]);
    expect(await glovebox(["secret", "delete", "FILED"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--yes"),
    });
    expect((await glovebox(["secret", "delete", "FILED", "-y"])).stdout).toBe("FILED\tdeleted\n");
    expect((await glovebox(["secret", "delete", "FILED", "-y"])).code).toBe(3);
  });

  test("are typed on a terminal without being shown", async () => {
    const typed = "typed in the dark";
    const { text, code } = await onTerminal(set("TYPED"), { GLOVEBOX_DATA: server.dataDir }, [
      { when: "it is not shown", type: `${typed}\r` },
    ]);
    expect([code, text.includes(typed)]).toEqual([0, false]);
    expect((await glovebox(["secret", "list"])).stdout).toContain("TYPED\t");
  });

  test("are refused on the command line, empty, short, too long, as bytes, and without a host", async () => {
    const bad: [string[], CliOptions][] = [
      [set("A", VALUE), {}],
      [set("A", "-"), { input: "" }],
      [set("A", "-"), { input: "short\n" }],
      [set("A", "-"), { input: "x".repeat(70_000) }],
      [set("A", "-"), { input: Buffer.concat([randomBytes(8), Buffer.of(0xff, 0xfe)]) }],
      [set("A-B", "-"), { input: VALUE }],
      [["secret", "set", "A", "-"], { input: VALUE }],
      [["secret", "set", "A", "-", "--host", "*"], { input: VALUE }],
      [[...set("A", "-"), "--from-file", "x"], { input: VALUE }],
    ];
    for (const [args, options] of bad) {
      const result = await glovebox(args, options);
      expect([args.slice(2), result.code]).toEqual([args.slice(2), 2]);
      expect(result.stderr).not.toContain(VALUE);
    }
    expect((await glovebox([...set("A"), "--from-file", join(folder, "none")])).code).toBe(3);
    expect((await glovebox(["secret", "list"])).stdout).not.toContain("A\t");
  });

  test("are sealed anew under another key; neither log nor data folder nor the server's environment shows one", async () => {
    expect((await glovebox(set("SEALED", "-"), { input: VALUE })).code).toBe(0);
    const before = readFileSync(join(server.dataDir, "secrets.key"), "utf8");
    expect((await json(["secret", "rotate-key"])).resealed).toBeGreaterThan(0);
    expect(readFileSync(join(server.dataDir, "secrets.key"), "utf8")).not.toBe(before);
    expect(server.log()).toContain("secrets.set");
    expect(server.log()).not.toContain(VALUE);
    for (const file of readdirSync(server.dataDir, { withFileTypes: true }).filter((entry) => entry.isFile())) {
      expect([file.name, readFileSync(join(server.dataDir, file.name)).includes(VALUE)]).toEqual([file.name, false]);
    }
  });
});

describe("the master key in the server's environment", () => {
  test("is used instead of a file, kept from what the server starts, and shown by no report", async () => {
    const key = randomBytes(32).toString("base64");
    await using other = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "debug", GLOVEBOX_SECRETS_KEY: key } });
    const at = { env: { GLOVEBOX_DATA: other.dataDir } };
    expect((await glovebox(set("A", "-"), { ...at, input: VALUE })).code).toBe(0);
    expect(readdirSync(other.dataDir)).not.toContain("secrets.key");
    expect(await glovebox(["secret", "rotate-key"], at)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("GLOVEBOX_SECRETS_KEY"),
    });
    expect((await glovebox(["config", "show", "--json"], at)).stdout).not.toContain(key);
    const printed = await glovebox(["run", "-e", "import os; print(os.environ)", "-l", "python"], at);
    expect([printed.code, printed.stdout.includes(key)]).toEqual([0, false]);
    for (const pid of childrenOf(other.pid)) {
      expect([pid, readFileSync(`/proc/${pid}/environ`, "utf8").includes(key)]).toEqual([pid, false]);
    }
    expect(other.log()).not.toContain(key);
  });
});

describe("the audit log", () => {
  test("is listed, verified and exported; what was exported is verified without a server", async () => {
    await glovebox(["token", "create", "audited"]);
    const { items } = await json(["audit", "list", "--action", "tokens.create"]);
    expect(items).toMatchObject([{ decision: "allow", resource: { kind: "tokens" } }]);
    expect((await json(["audit", "list", "--request", items[0].requestId])).items).toEqual(items);
    expect(
      (await glovebox(["audit", "list", "--limit", "1", "--action", "tokens.create"])).stdout.split("\t").slice(2, 4),
    ).toEqual(["allow", "tokens.create"]);
    expect((await glovebox(["token", "list", "--token", "gbx_nobody-has-this-token"])).code).toBe(4);
    expect((await json(["audit", "list", "--decision", "deny"])).items[0]).toMatchObject({ action: "authentication" });
    expect((await glovebox(["audit", "verify"])).stdout).toContain("every record is as it was written");

    const exported = await glovebox(["audit", "export"]);
    const file = join(folder, "audit.jsonl");
    writeFileSync(file, exported.stdout);
    const verify = (...rest: string[]) => cli(["audit", "verify", "--file", file, ...rest]);
    const records = exported.stdout.trimEnd().split("\n");
    expect(JSON.parse((await verify("--json")).stdout)).toMatchObject({ ok: true, entries: records.length });
    const { head } = JSON.parse((await verify("--json")).stdout);
    const newest = ["--newest", `${head.seq}:${head.hash}`];
    expect([(await verify(...newest)).code, (await glovebox(["audit", "verify", ...newest])).code]).toEqual([0, 0]);
    const other = ["--newest", `${head.seq}:${"0".repeat(64)}`];
    expect([(await verify(...other)).code, (await glovebox(["audit", "verify", ...other])).code]).toEqual([1, 1]);
    expect((await verify("--newest", "1:x")).code).toBe(2);
    writeFileSync(file, records.slice(0, -1).join("\n"));
    expect((await verify()).code).toBe(0);
    expect(await verify(...newest)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("newest once is not there"),
    });
    const some = await glovebox(["audit", "export", "--after", "2"]);
    expect(JSON.parse(some.stdout.split("\n")[0] ?? "")).toMatchObject({ seq: 3 });

    writeFileSync(file, [...records.slice(0, 1), records[1]?.replace("allow", "deny"), ...records.slice(2)].join("\n"));
    expect(await verify()).toMatchObject({ code: 1, stdout: expect.stringContaining("wrong from record 2 on") });
    writeFileSync(file, `${records[0]}\nnot a record\n`);
    expect(JSON.parse((await verify("--json")).stdout)).toMatchObject({ ok: false, entries: 1, bad: { seq: 2 } });
    expect((await cli(["audit", "verify", "--file", join(folder, "none")])).code).toBe(3);
  });

  test("survives a server that is killed, in one chain", async () => {
    const dataDir = mkdtempSync(join(folder, "data-"));
    const at = { env: { GLOVEBOX_DATA: dataDir } };
    {
      await using first = await startServer({ dataDir });
      await glovebox(["token", "create", "one"], at);
      expect((await glovebox(["audit", "verify"], at)).code).toBe(0);
      await first.kill();
    }
    await using _second = await startServer({ dataDir });
    await glovebox(["token", "create", "two"], at);
    const { items } = await json(["audit", "list", "--action", "tokens.create"], at);
    expect(items).toHaveLength(2);
    expect(await json(["audit", "verify"], at)).toMatchObject({ ok: true });
  });
});

describe("the egress question", () => {
  test("is asked with a template's network, and answered in words and by the exit code", async () => {
    // An address of its own, which is allowed without asking any name server. Nothing is sent to it.
    const network = "{mode: allowlist, allow: [1.1.1.1, 'GET https://8.8.8.8/a/*'], exempt: [1.1.1.1]}";
    const file = join(folder, "template.yaml");
    writeFileSync(file, `name: out\nisolation: bubblewrap\nlanguages: [bash]\nnetwork: ${network}\nsecrets: [KEY]\n`);
    expect((await glovebox(set("KEY", "-"), { input: VALUE })).code).toBe(0);
    expect(await glovebox(["template", "create", "-f", file])).toMatchObject({ code: 0, stderr: "" });
    const shown = (await glovebox(["template", "get", "out"])).stdout;
    expect(shown).toContain("network\tallowlist: 1.1.1.1, GET https://8.8.8.8/a/*; TLS left closed for 1.1.1.1\n");
    expect(shown).toContain("secrets\tKEY\n");
    const listed = (await glovebox(["template", "list", "--name", "out"])).stdout.split("\t");
    expect(listed.slice(4, 6)).toEqual([expect.stringContaining("allowlist: 1.1.1.1"), "KEY"]);
    const ask = (...words: string[]) => glovebox(["egress", "test", "out", ...words]);
    expect(await ask("https://1.1.1.1/x")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("decision\tallowed\n"),
    });
    expect(await ask("https://b.example/x")).toMatchObject({
      code: 4,
      stdout: expect.stringContaining("decision\trefused\n"),
    });
    expect((await ask("https://8.8.8.8/a/b")).code).toBe(0);
    const post = await ask("https://8.8.8.8/a/b", "--method", "post", "--json");
    expect([post.code, JSON.parse(post.stdout)]).toMatchObject([
      4,
      { allowed: false, method: "POST", host: "8.8.8.8" },
    ]);
    expect((await ask("nonsense")).code).toBe(2);
    expect((await glovebox(["egress", "test", "none", "https://a.example"])).code).toBe(3);
  });
});
