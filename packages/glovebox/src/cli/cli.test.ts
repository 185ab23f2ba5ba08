import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../test/support/server.ts";
import { type CliOptions, cli } from "./testing/cli.ts";

let server: TestServer;
let folder: string;
let session: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-cli-test-"));
  server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
  session = (await glovebox(["session", "create", "-t", "python", "--key", "mine"])).stdout.trim();
});
afterAll(async () => {
  if (session !== undefined) await glovebox(["session", "delete", session, "-y"]); // it would outlive its server
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** As on the server's machine: it is found through its data folder. */
function glovebox(args: readonly string[], options: CliOptions = {}) {
  return cli(args, { ...options, env: { GLOVEBOX_DATA: server.dataDir, ...options.env } });
}

async function json(args: readonly string[], options: CliOptions = {}) {
  const result = await glovebox([...args, "--json"], options);
  expect(result.stderr).toBe("");
  return JSON.parse(result.stdout);
}

describe("sessions", () => {
  test("are created, shown by id and by key, listed, kept alive and measured", async () => {
    expect(session).toMatch(/^[0-9a-f-]{36}$/);
    expect(await json(["session", "get", session])).toMatchObject({ id: session, status: "ready", key: "mine" });
    expect(await json(["session", "get", "mine"])).toMatchObject({ id: session });
    const { items } = await json(["session", "list", "--status", "ready", "--key", "mine"]);
    expect(items).toMatchObject([{ id: session }]);
    expect(await json(["session", "keepalive", "mine"])).toMatchObject({ id: session });
    expect(await json(["session", "pause", "mine"])).toMatchObject({ id: session, status: "paused" });
    expect(await json(["session", "resume", "mine"])).toMatchObject({ id: session, status: "ready" });
    expect((await json(["session", "stats", session])).memoryBytes).toBeGreaterThan(0);
    expect((await json(["session", "events", session])).items).toBeInstanceOf(Array);
  });

  test("are lines with tabs in a pipe, one each", async () => {
    const { stdout } = await glovebox(["session", "list", "--key", "mine"]);
    expect(stdout.split("\n")[0]?.split("\t").slice(0, 3)).toEqual([session, "ready", "bubblewrap"]);
  });

  test("are closed and deleted, the latter only when that is meant", async () => {
    const id = (await glovebox(["session", "create", "-i", "isolate"])).stdout.trim();
    expect((await glovebox(["session", "close", id])).stdout).toBe(`${id}\tclosed\n`);
    const unsure = await glovebox(["session", "delete", id]);
    expect(unsure).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
    expect((await glovebox(["session", "delete", id, "--yes"])).code).toBe(0);
    expect((await glovebox(["session", "get", id])).code).toBe(3);
  });

  test("take an archive of this machine as their workspace", async () => {
    const { execFileSync } = await import("node:child_process");
    writeFileSync(join(folder, "in-archive.txt"), "packed");
    execFileSync("tar", ["-cf", join(folder, "a.tar"), "-C", folder, "in-archive.txt"]);
    const args = [
      "session",
      "create",
      "-t",
      "bash",
      "--archive",
      join(folder, "a.tar"),
      "--env",
      "A=1",
      "--memory",
      "128",
    ];
    const made = await json([...args, "--metadata", "team=red"]);
    expect(made).toMatchObject({ workspace: { kind: "archive" }, env: { A: "1" }, metadata: { team: "red" } });
    expect((await glovebox(["session", "cat", made.id, "in-archive.txt"])).stdout).toBe("packed");
    expect((await json(["session", "list", "--metadata", "team=red"])).items).toHaveLength(1);
    await glovebox(["session", "close", made.id]);
  });
});

describe("executions", () => {
  test("of code keep their state, show their value and fail with their code", async () => {
    expect(await glovebox(["exec", "mine", "-e", "x = 41"])).toMatchObject({ code: 0, stdout: "" });
    expect(await glovebox(["exec", "mine", "-e", "print('p'); x + 1"])).toMatchObject({ code: 0, stdout: "p\n42\n" });
    const thrown = await glovebox(["exec", "mine", "-e", "1/0"]);
    expect(thrown.code).not.toBe(0);
    expect(thrown.stderr).toContain("ZeroDivisionError");
  });

  test("exec gives code what comes on stdin, and ends when the work does although stdin stays open", async () => {
    const code = ["exec", "mine", "-e", "print(input(), len(input()))"];
    expect((await glovebox(code, { input: "a\nbcd\n" })).stdout).toBe("a 3\n");
    expect(await glovebox(["exec", "mine", "-e", "input()"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("EOFError"),
    });
    const open = { input: "x", keepStdinOpen: true };
    expect(await glovebox(["exec", "mine", "-e", "6*7"], open)).toMatchObject({ code: 0, stdout: "42\n" });
    expect(await glovebox(["exec", "mine", "--", "echo", "hi"], open)).toMatchObject({ code: 0, stdout: "hi\n" });
  });

  test("of programs take arguments, stdin and exit codes as they are", async () => {
    const result = await glovebox(["exec", "mine", "--", "sh", "-c", "cat; echo $1 >&2; exit 9", "-", "--json"], {
      input: "in",
    });
    expect(result).toMatchObject({ code: 9, stdout: "in", stderr: "--json\n" });
  });

  test("in the background are followed, fed and cancelled", async () => {
    const id = (await glovebox(["exec", "mine", "--background", "--", "sleep", "60"])).stdout.trim();
    expect(await json(["exec", "get", id])).toMatchObject({ id, background: true });
    expect(await json(["execution", "cancel", id])).toMatchObject({ status: "cancelled", exitCode: 130 });
    const listed = await json(["exec", "list", "--session", "mine", "--status", "cancelled"]);
    expect(listed.items.map((item: { id: string }) => item.id)).toContain(id);
  });

  test("get stdin from another command, and their events are lines of JSON when followed", async () => {
    const { GloveboxError: _, Glovebox } = await import("@glovebox/sdk");
    const box = new Glovebox({ url: server.url, token: server.token });
    const started = await (await box.sessions.get(session)).spawn(["cat"]);
    expect((await glovebox(["exec", "stdin", started.id], { input: "fed\n" })).code).toBe(0);
    const { stdout } = await glovebox(["exec", "events", started.id, "--follow", "--json"]);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events).toContainEqual(expect.objectContaining({ type: "stdout", payload: { text: "fed\n" } }));
    const plain = await glovebox(["exec", "events", started.id]);
    expect(plain.stdout).toMatch(/stdout\s+fed/);
  });

  test("need a session and something to run", async () => {
    expect((await glovebox(["exec"])).code).toBe(2);
    expect((await glovebox(["exec", "mine"])).code).toBe(2);
    expect((await glovebox(["exec", "nobody", "-e", "1"])).code).toBe(3);
  });

  test("stop at their time limit with 124", async () => {
    expect((await glovebox(["exec", "mine", "--timeout", "0.3", "-e", "while True: pass"])).code).toBe(124);
  });
});

describe("files", () => {
  test("are written, read, listed, moved and removed", async () => {
    const put = await glovebox(["session", "put", "mine", "d/a.txt", "--parents", "--mode", "600"], { input: "one\n" });
    expect(put.stderr).toBe("");
    await glovebox(["session", "put", "mine", "d/a.txt", "--append"], { input: "two\n" });
    expect((await glovebox(["session", "cat", "mine", "d/a.txt"])).stdout).toBe("one\ntwo\n");
    expect((await glovebox(["session", "cat", "mine", "d/a.txt", "--offset", "4", "--bytes", "3"])).stdout).toBe("two");
    expect(await json(["session", "stat", "mine", "d/a.txt"])).toMatchObject({ kind: "file", size: 8, mode: 0o600 });
    await glovebox(["session", "mkdir", "mine", "e/f", "-p"]);
    await glovebox(["session", "mv", "mine", "d/a.txt", "e/f/b.txt"]);
    const listed = await json(["session", "ls", "mine", "e", "--recursive"]);
    expect(listed.items.map((item: { path: string }) => item.path).join()).toContain("b.txt");
    expect((await glovebox(["session", "rm", "mine", "e"])).code).not.toBe(0);
    expect((await glovebox(["session", "rm", "mine", "e", "-r"])).code).toBe(0);
    expect((await glovebox(["session", "cat", "mine", "e/f/b.txt"])).code).toBe(3);
  });

  test("are copied as trees, both ways, without links", async () => {
    const tree = join(folder, "tree");
    mkdirSync(join(tree, "sub/empty"), { recursive: true });
    writeFileSync(join(tree, "sub/run.sh"), "echo hi\n", { mode: 0o755 });
    symlinkSync("/etc/passwd", join(tree, "link"));
    const sent = await json(["session", "cp", tree, "mine:copied"]);
    expect(sent).toMatchObject({ skipped: ["link"] });
    const ran = await glovebox([
      "exec",
      "mine",
      "--",
      "sh",
      "-c",
      "./copied/sub/run.sh; ln -s /etc/shadow copied/evil",
    ]);
    expect(ran.stderr).toBe("");
    const back = join(folder, "back");
    expect(await json(["session", "cp", "mine:copied", back])).toMatchObject({ files: 1, skipped: ["evil"] });
    expect(readFileSync(join(back, "sub/run.sh"), "utf8")).toBe("echo hi\n");
    expect(statSync(join(back, "sub/run.sh")).mode & 0o111).toBeGreaterThan(0);
    expect(statSync(join(back, "sub/empty")).isDirectory()).toBe(true);
  });

  test("are copied one by one, into folders too, and never through a link of ours", async () => {
    writeFileSync(join(folder, "one.bin"), Buffer.from([0, 255, 1]));
    await glovebox(["session", "cp", join(folder, "one.bin"), "mine:copied/"]);
    mkdirSync(join(folder, "target"));
    await glovebox(["session", "cp", "mine:copied/one.bin", join(folder, "target")]);
    expect(readFileSync(join(folder, "target/one.bin"))).toEqual(Buffer.from([0, 255, 1]));
    symlinkSync(join(folder, "elsewhere"), join(folder, "target/two.bin"));
    const refused = await glovebox(["session", "cp", "mine:copied/one.bin", join(folder, "target/two.bin")]);
    expect(refused.code).not.toBe(0);
  });

  test("come and go as tars", async () => {
    const tar = join(folder, "d.tar");
    await glovebox(["session", "put", "mine", "t/x", "--parents"], { input: "x" });
    expect((await glovebox(["session", "download", "mine", "t", "-o", tar])).code).toBe(0);
    expect((await glovebox(["session", "mkdir", "mine", "u"])).code).toBe(0);
    expect(await json(["session", "upload", "mine", tar, "u"])).toMatchObject({ files: 1, bytes: 1 });
    expect((await glovebox(["session", "cat", "mine", "u/x"])).stdout).toBe("x");
  });
});

describe("templates and tokens", () => {
  test("templates are created from YAML, changed under their version, cloned and deleted", async () => {
    const file = join(folder, "t.yaml");
    writeFileSync(file, "name: mine\nisolation: bubblewrap\nlanguages: [bash]\nlimits:\n  memoryMb: 64\n");
    expect(await json(["template", "create", "-f", file])).toMatchObject({ name: "mine", version: 1 });
    expect((await glovebox(["template", "create", "-f", file])).stderr).toContain("already_exists");
    const patch = { input: '{"env": {"A": "1"}}' };
    expect(await json(["template", "update", "mine", "-f", "-", "--if-version", "1"], patch)).toMatchObject({
      version: 2,
    });
    const late = await glovebox(["template", "update", "mine", "-f", "-", "--if-version", "1"], patch);
    expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining("version_conflict") });
    expect((await glovebox(["template", "clone", "mine", "other"])).code).toBe(0);
    expect((await glovebox(["template", "list"])).stdout).toMatch(/^other\t/m);
    expect(await json(["template", "get", "mine"])).toMatchObject({ limits: { memoryMb: 64 }, env: { A: "1" } });
    for (const name of ["mine", "other"]) {
      expect((await glovebox(["template", "delete", name, "-y"])).code).toBe(0);
    }
    expect((await glovebox(["template", "get", "mine"])).code).toBe(3);
    writeFileSync(file, "- a\n- b\n");
    expect((await glovebox(["template", "create", "-f", file])).code).toBe(2);
  });

  test("catalogs tell what templates may name", async () => {
    for (const part of ["modules", "libraries", "languages"]) {
      expect((await json(["template", "catalog", part])).items.length).toBeGreaterThan(0);
      expect((await glovebox(["template", "catalog", part])).stdout).toMatch(/\t/);
    }
  });

  test("a token's secret is printed once, does what its role may, and ends at once", async () => {
    const secret = (await glovebox(["token", "create", "looker", "--role", "viewer", "--expires", "1h"])).stdout.trim();
    const env = { GLOVEBOX_TOKEN: secret };
    expect(await json(["token", "whoami"], { env })).toMatchObject({ name: "looker", roles: ["viewer"] });
    const denied = await glovebox(["session", "create"], { env });
    expect(denied).toMatchObject({ code: 4, stderr: expect.stringContaining("permission_denied") });
    const { items } = await json(["token", "list"]);
    const { id } = items.find((item: { name: string }) => item.name === "looker");
    expect((await glovebox(["token", "delete", id, "-y"])).code).toBe(0);
    const code = async () => (await glovebox(["summary"], { env })).code;
    // A command takes longer than a poll's default on a machine that is busy.
    await expect.poll(code, { timeout: 30_000 }).toBe(4);
  });
});

describe("the server", () => {
  test("tells its summary, configuration, retention and what works", async () => {
    expect(await json(["summary"])).toMatchObject({ sessions: { live: expect.any(Number) } });
    expect((await glovebox(["summary"])).stdout).toMatch(/^sessions\t\d+/m);
    expect((await json(["config", "show"])).values).toContainEqual({ key: "port", value: 0, source: "flag" });
    expect((await json(["config", "schema"])).title).toBe("glovebox.yaml");
    await glovebox(["retention", "set", "--events", "30", "--executions", "forever", "--runs", "9"]);
    expect(await json(["retention", "get"])).toMatchObject({ events: 30, executions: null, runs: 9 });
    expect(await json(["retention", "sweep", "--dry-run"])).toMatchObject({ events: 0 });
    expect((await glovebox(["retention", "set"])).code).toBe(2);
  });

  test("writes a backup whose checksum is verified, and which is restored into a new folder", async () => {
    const file = join(folder, "backup");
    const saved = await json(["backup", file]);
    const data = join(folder, "restored");
    expect((await cli(["restore", file, "--data", data, "--json"])).stdout).toContain('"files":');
    expect(statSync(join(data, "glovebox.db")).size).toBeGreaterThan(0);
    expect(await cli(["restore", file, "--data", data])).toMatchObject({ code: 1 });
    expect(await cli(["restore", join(folder, "nothing"), "--data", join(folder, "r2")])).toMatchObject({ code: 3 });
    expect(saved.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(file)).toMatchObject({ size: saved.bytes });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("runs programs for `run` when it is there, and records them", async () => {
    const before = (await json(["exec", "list"])).items.length;
    const result = await glovebox(["run", "-e", "import sys; print(sys.stdin.read()); sys.exit(3)"], { input: "in" });
    expect(result).toMatchObject({ code: 3, stdout: "in\n", stderr: "" });
    expect((await json(["exec", "list"])).items.length).toBe(before + 1);
    const local = await glovebox(["run", "--local", "-e", "print(1)"]);
    expect(local).toMatchObject({ code: 0, stdout: "1\n" });
    expect((await json(["exec", "list"])).items.length).toBe(before + 1);
  });

  test("runs programs in every language and beyond the usual time limit", async () => {
    for (const [language, code] of [
      ["ts", "const n: number = 2; console.log(n)"],
      ["rust", 'fn main() { println!("2") }'],
      ["bash", "echo 2"],
    ] as const) {
      expect(await glovebox(["run", "--timeout", "90", "-l", language, "-e", code])).toMatchObject({
        code: 0,
        stdout: "2\n",
      });
    }
  });

  test("is measured by bench", async () => {
    const figures = await json(["bench", "-n", "2"]);
    expect(figures).toHaveLength(3);
    for (const figure of figures) expect(figure.p50).toBeGreaterThan(0);
  });

  test("writes where it is for its owner only", () => {
    const file = join(server.dataDir, "server.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ url: server.url, pid: server.pid });
  });
});

describe("a server of one's own", () => {
  test("removes its file when it stops, and commands then say what to do", async () => {
    const own = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
    const env = { GLOVEBOX_DATA: own.dataDir };
    expect((await cli(["summary"], { env })).code).toBe(0);
    expect(await own.stop()).toBe(0);
    expect(() => statSync(join(own.dataDir, "server.json"))).toThrow();
    const { code, stderr } = await cli(["session", "list", "--url", own.url], { env });
    expect(code).toBe(5);
    expect(stderr).toContain("glovebox up");
    await own[Symbol.asyncDispose]();
  });

  test("that was killed leaves a file that `run` does not fall for", async () => {
    const own = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
    await own.kill();
    const result = await cli(["run", "-e", "print(1)"], { env: { GLOVEBOX_DATA: own.dataDir } });
    expect(result).toMatchObject({ code: 0, stdout: "1\n" });
    await own[Symbol.asyncDispose]();
  });
});

describe("the command line", () => {
  test.each<[readonly string[], number]>([
    [["--help"], 0],
    [[], 0],
    [["--version"], 0],
    [["session", "create", "--help"], 0],
    [["run", "--help"], 0],
    [["help", "session"], 0],
    [["frob"], 2],
    [["session"], 2],
    [["session", "frob"], 2],
    [["session", "list", "--frob"], 2],
    [["session", "list", "--limit", "0"], 2],
    [["session", "get"], 2],
    [["up", "--port", "99999"], 2],
    [["repl", "cobol"], 2],
    [["completion", "cmd"], 2],
    [["shell"], 2],
    [["token", "create", "x", "--expires", "soon"], 2],
  ])("%j ends with %i", async (args, code) => {
    const result = await cli(args);
    expect(result.code, result.stderr).toBe(code);
    if (code === 0) expect(result.stdout).toMatch(/\w/);
    else expect(result.stderr).toMatch(/\w/);
  });

  test.each(["bash", "zsh", "fish"])("gives a completion script for %s", async (shell) => {
    expect((await cli(["completion", shell])).stdout).toContain("glovebox completion --words");
    expect((await cli(["completion", "--words", "session", "ke"])).stdout).toBe("keepalive\n");
  });
});
