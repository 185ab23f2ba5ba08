import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox, type RunInfo } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, startServer, type TestServer } from "../../../../test/support/server.ts";
import { printable } from "./render/printable.ts";
import { type CliOptions, cli } from "./testing/cli.ts";
import { onTerminal } from "./testing/terminal.ts";

let server: TestServer;
let box: Glovebox;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-cli-runs-"));
  const config = join(folder, "glovebox.yaml");
  writeFileSync(config, `runs:\n  programs: [${join(root, "test/e2e/testdata/programs.ts")}]\n`);
  server = await startServer({ args: ["--config", config] });
  box = new Glovebox(server);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function runs(args: readonly string[], options: CliOptions = {}) {
  return cli(["runs", ...args], { ...options, env: { GLOVEBOX_DATA: server.dataDir, ...options.env } });
}

async function lines(args: readonly string[], options: CliOptions = {}): Promise<string[]> {
  const { stdout, stderr, code } = await runs(args, options);
  expect([stderr, code]).toEqual(["", 0]);
  return stdout.trimEnd().split("\n");
}

async function json(args: readonly string[]) {
  return JSON.parse((await lines([...args, "--json"])).join("\n"));
}

async function ended(program: string, input?: unknown): Promise<RunInfo> {
  return (await box.runs.start({ program, input }, { wait: true })).run;
}

/** A run that waits for its approval, made without the command. */
async function waiting(input: object = {}): Promise<string> {
  const { run } = await box.runs.start({ program: "release", input: { name: "abc", ...input } });
  for await (const { type } of box.runs.follow(run.id)) if (type === "signal.waiting") break;
  return run.id;
}

describe("starting", () => {
  test("tells what there is, starts it, and gives what it came to", async () => {
    expect((await lines(["programs"]))[0]).toBe(
      "release\t1\tChecks side by side, sleeps, and waits for the signal `approve`",
    );
    expect((await json(["programs"])).items[0].input.required).toEqual(["name"]);
    const [id = ""] = await lines([
      "start",
      "release",
      "--input",
      '{"name": "abcd"}',
      "--priority",
      "-5",
      "--budget",
      "tokens=70",
    ]);
    expect(await lines(["signal", id, "approve", "--payload", '{"by": "me"}'])).toEqual([`${id}\tsent`]);
    expect(JSON.parse((await lines(["result", id, "--wait"])).join(""))).toMatchObject({
      checks: 12,
      answer: { by: "me" },
    });
    expect(await json(["result", id])).toMatchObject({
      run: { id, priority: -5, budget: { tokens: 70 } },
      output: { name: "abcd" },
    });
  });

  test("takes its input from a file and from stdin, and a version", async () => {
    const file = join(folder, "input.json");
    writeFileSync(file, '{"from": "file"}');
    expect(await lines(["start", "echo", "--program-version", "1", "--input", `@${file}`, "--wait"])).toEqual([
      "{",
      '  "from": "file"',
      "}",
    ]);
    const piped = await json(["start", "echo", "--wait", "--input", "7"]);
    expect(piped).toMatchObject({ run: { version: "2" }, output: { given: 7 } });
    const { stdout } = await runs(["start", "echo", "--input", "-", "--wait", "--json"], { input: '"stdin"' });
    expect(JSON.parse(stdout).output).toEqual({ given: "stdin" });
  });

  test("is refused when it cannot be understood", async () => {
    const wrong: [string[], number, string][] = [
      [["start", "echo", "--input", "{no"], 2, "--input is not JSON"],
      [["start", "echo", "--input", `@${join(folder, "none")}`], 3, "none"],
      [["start", "none"], 3, "no program none"],
      [["start", "release", "--input", "{}"], 2, "name"],
      [["start", "echo", "--budget", "coins=1"], 2, "WHAT=NUMBER"],
      [["start", "echo", "--priority", "2000"], 2, "1000"],
      [["start", "echo", "--timeout", "soon"], 2, "number"],
      [["show", "01900000-0000-7000-8000-000000000000"], 3, "no run"],
      [["show", "nonsense"], 2, "not an id"],
      [["graph", "x", "--format", "png"], 2, "Allowed choices"],
    ];
    const results = await Promise.all(wrong.map(([args]) => runs(args)));
    for (const [index, { code, stderr }] of results.entries()) {
      const [args, expected, says] = wrong[index] ?? [];
      expect([args, code, stderr]).toEqual([args, expected, expect.stringContaining(says ?? "")]);
    }
  });

  test("ends with the code of what went wrong: a time limit, a budget, a cancellation, an error", async () => {
    const start = ["start", "release", "--wait", "--input", '{"name": "a", "stepMs": 20000}'];
    const late = await runs([...start, "--timeout", "0.05"]);
    expect(late).toMatchObject({ code: 124, stderr: expect.stringContaining("deadline_exceeded") });
    const poor = await runs([...start, "--budget", "tokens=1", "--json"]);
    expect([poor.code, JSON.parse(poor.stdout).run.error.code]).toEqual([1, "budget_exceeded"]);
    const id = await waiting();
    expect((await lines(["cancel", id, "--reason", "not today"]))[0]).toBe(`id\t${id}`);
    await expect.poll(async () => (await box.runs.get(id)).status).toBe("cancelled");
    const cancelled = await runs(["result", id]);
    expect(cancelled).toMatchObject({ code: 130, stderr: expect.stringContaining("not today") });
    expect((await runs(["resume", id])).code).toBe(1);
  });

  test("is once for one idempotency key", async () => {
    const again = () => lines(["start", "echo", "--input", "1", "--idempotency-key", "k1"]);
    expect(await again()).toEqual(await again());
  });
});

describe("looking", () => {
  test("lists, by status, program and parent", async () => {
    const parent = await ended("parent", 1);
    const { items } = await json(["list", "--parent", parent.id]);
    expect(items).toMatchObject([{ program: "echo", parentId: parent.id }]);
    const found = await lines(["list", "--program", "parent", "--status", "completed,failed"]);
    expect(found[0]?.split("\t").slice(0, 3)).toEqual([parent.id, "parent 1", "completed"]);
  });

  test("shows a run's tree at once in a pipe, and its state as JSON", async () => {
    const id = await waiting();
    const shown = await lines(["show", id]);
    expect(shown[0]).toBe(`release 1  ${id}`);
    expect(shown[1]).toMatch(/^waiting for approval · /);
    expect(shown.slice(2).map((line) => line.replaceAll(/ {2}\d[\d.]* m?s/g, ""))).toEqual([
      "├─ ✓  parallel",
      "│  ├─ ✓  unit",
      "│  │  └─ ✓  test",
      "│  ├─ ✓  lint",
      "│  │  └─ ✓  lint",
      "│  └─ ✓  types",
      "│     └─ ✓  check",
      "├─ ✓  sleep",
      "└─ ◌  approve  waits for approval",
      "used tokens 7 · tool calls 1",
    ]);
    expect(await lines(["graph", id])).toHaveLength(9);
    expect(await json(["show", id])).toMatchObject({
      run: { id, status: "waiting" },
      graph: { omitted: 0 },
      budget: { limits: {}, used: { tokens: 7 } },
    });
    expect((await lines(["graph", id, "--format", "mermaid"]))[0]).toBe("flowchart TD");
    expect((await lines(["graph", id, "--format", "dot"])).at(-1)).toBe("}");
    expect(JSON.parse((await lines(["graph", id, "--format", "json"])).join("")).nodes).toHaveLength(9);
    const budget = await lines(["budget", id]);
    expect(budget[0]).toBe("used\ttokens 7 · tool calls 1");
    expect(budget[1]?.split("\t").slice(2)).toEqual(["parallel/types/check", "tokens 7 · tool calls 1"]);
    await box.runs.signal(id, "approve");
  });

  test("reads a journal, from a record on, and live until its end", async () => {
    const { id } = await ended("steps", { steps: 3 });
    const all = await lines(["journal", id]);
    expect(all.map((line) => line.split(/ {2,}/).slice(1, 2) && Number(line.slice(0, 6)))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(
      (await json(["journal", id, "--after", "2", "--limit", "2"])).items.map(({ seq }: { seq: number }) => seq),
    ).toEqual([3, 4]);
    const open = await waiting();
    const following = runs(["journal", open, "--follow", "--json"], {
      onStdout: (text) => {
        if (text.includes("signal.waiting") && !text.includes("signal.received"))
          void box.runs.signal(open, "approve").catch(() => {});
      },
    });
    const records = (await following).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.at(-1)).toMatchObject({ type: "run.completed", seq: records.length });
  });

  test("shows nothing that a terminal would obey", async () => {
    const { id } = await ended("hostile");
    const commands = [["show", id], ["list"], ["journal", id], ["graph", id], ["result", id]];
    commands.push(["graph", id, "--format", "mermaid"], ["graph", id, "--format", "dot"], ["show", id, "--json"]);
    const results = await Promise.all(commands.map((args) => runs(args)));
    for (const [index, { stdout, stderr }] of results.entries()) {
      const text = stdout + stderr;
      expect([commands[index], text]).toEqual([commands[index], printable(text)]);
      expect(text).toMatch(/paint|wiped/);
    }
  });
});

describe("on a terminal", () => {
  const env = () => ({ GLOVEBOX_DATA: server.dataDir, NO_COLOR: "1" });

  test("a run is drawn as it goes on, until it has ended", async () => {
    const id = await waiting();
    const { text, code } = await onTerminal(["runs", "show", id], env(), [
      { when: "waits for approval", type: () => void box.runs.signal(id, "approve", true) },
      { when: "completed", type: "" },
    ]);
    expect(code).toBe(0);
    const last = text.slice(text.lastIndexOf("release 1"));
    expect(last).toContain("✓  ask");
    expect(last).toContain("✓  approve");
    // The cursor and the wrapping of lines are given back.
    expect(text.lastIndexOf("\x1b[?25h")).toBeGreaterThan(text.lastIndexOf("\x1b[?25l"));
    expect(text.lastIndexOf("\x1b[?7h")).toBeGreaterThan(text.lastIndexOf("\x1b[?7l"));
  });

  test("one that cannot be drawn on gets the state at once", async () => {
    const id = await waiting();
    const { text, code } = await onTerminal(["runs", "show", id], { ...env(), TERM: "dumb" }, []);
    expect([code, text]).toEqual([0, expect.stringContaining("waits for approval")]);
    expect(text).not.toContain("\x1b");
    await box.runs.signal(id, "approve");
  });

  test("Ctrl-C ends the looking and not the run", async () => {
    const id = await waiting();
    const { text, code } = await onTerminal(["runs", "show", id], env(), [
      { when: "waits for approval", type: "\x03" },
    ]);
    expect([code, text]).toEqual([130, expect.stringContaining("the run goes on")]);
    expect((await box.runs.get(id)).status).toBe("waiting");
    await box.runs.signal(id, "approve");
  });
});

describe("changing", () => {
  test("takes a run back to a step", async () => {
    const id = await waiting();
    await box.runs.signal(id, "approve", "first");
    await box.runs.wait(id);
    expect((await lines(["rollback", id, "--step", "approve", "--reason", "again"]))[0]).toBe(`id\t${id}`);
    await lines(["signal", id, "approve", "--payload", '"second"']);
    expect(JSON.parse((await lines(["result", id, "--wait"])).join("")).answer).toBe("second");
    expect((await runs(["rollback", id])).code).toBe(2);
  });

  test("forks it with another model, patch or input, and with one of them only", async () => {
    const id = await waiting();
    await box.runs.signal(id, "approve");
    await box.runs.wait(id);
    const fork = async (...change: string[]) => {
      const [forked = ""] = await lines(["fork", id, "--step", "ask", ...change]);
      return ((await box.runs.wait(forked)).output as { model: unknown }).model;
    };
    expect(await fork()).toBe("small");
    expect(await fork("--model", "large")).toBe("large");
    expect(await fork("--patch", '{"model": "patched"}')).toBe("patched");
    expect(await fork("--input", '{"model": "given"}')).toBe("given");
    expect((await runs(["fork", id, "--step", "ask", "--model", "a", "--patch", "{}"])).code).toBe(2);
    expect((await runs(["fork", id, "--step", "none"])).code).toBe(3);
  });

  test("replays: nothing differs, or the first record that does, with exit code 1", async () => {
    const { id } = await ended("echo", 1);
    expect(await json(["replay", id])).toEqual({ identical: true, records: 4 });
    expect((await json(["replay", id, "--live"])).live).toMatchObject({ steps: 0 });
    const fickle = await ended("fickle");
    const differs = await runs(["replay", fickle.id, "--json"]);
    expect([differs.code, JSON.parse(differs.stdout)]).toEqual([
      1,
      expect.objectContaining({ identical: false, firstDifference: expect.objectContaining({ seq: 2 }) }),
    ]);
    const told = await runs(["replay", fickle.id]);
    expect([told.code, told.stdout]).toEqual([1, expect.stringContaining("differs at\trecord 2")]);
  });

  test("takes a journal out and in; a torn file says so, a damaged one is refused", async () => {
    const { id } = await ended("steps", { steps: 2, characters: 100_000 });
    const file = join(folder, "journal.jsonl");
    expect((await lines(["export", id, "-o", file]))[0]).toMatch(/journal\.jsonl\t19\d KiB$/);
    const text = readFileSync(file, "utf8");
    expect((await runs(["export", id])).stdout).toBe(text);
    expect(await lines(["verify", id])).toEqual(["result\tevery record is as it was written", "records\t6"]);
    expect((await runs(["import", file])).code).toBe(1);
    expect(await runs(["delete", id])).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
    expect(await lines(["delete", id, "-y"])).toEqual([`${id}\tdeleted`]);
    writeFileSync(file, text.replace("xxxx", "xxyx"));
    const damaged = await runs(["import", file]);
    expect(damaged).toMatchObject({ code: 1, stderr: expect.stringContaining("line 4") });
    writeFileSync(file, text.slice(0, -5));
    const torn = await runs(["import", file]);
    expect(torn).toMatchObject({
      code: 0,
      stdout: `${id}\t5 records\n`,
      stderr: expect.stringContaining("1 are missing"),
    });
    await lines(["delete", id, "-y"]);
    expect((await runs(["import", "-"], { input: text })).stdout).toBe(`${id}\t6 records\n`);
    expect(await json(["replay", id])).toMatchObject({ identical: true });
    expect((await runs(["import", join(folder, "none")])).code).toBe(3);
  });
});
