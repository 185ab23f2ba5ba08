import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openContextStore } from "../../context/index.ts";
import { ScriptedProvider } from "../../models/scripted-provider.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { createBaselines } from "../memory/store-baselines.ts";
import type { Artifact } from "../messages/artifact.ts";
import { type AgentStage, openAgentStage, workOn } from "../testing/agent-stage.ts";
import { rankHotspots } from "./hotspots.ts";
import { performanceAgent } from "./performance-agent.ts";
import { compare, spreadOf } from "./statistics.ts";
import { commandSubject } from "./subject.ts";

const SLOW_PY = `"""Numbers."""


def unique(numbers):
    found = []
    for number in numbers:
        if number not in found:
            found.append(number)
    return found


def total(numbers):
    return sum(numbers)
`;

/** `count`: how much work the tests make of it. */
const testsPy = (count: number) => `import unittest

from numbers_of import total, unique


class Numbers(unittest.TestCase):
    def test_unique(self):
        self.assertEqual(unique([1, 2, 1]), [1, 2])
        self.assertEqual(len(unique(list(range(${count})) * 2)), ${count})

    def test_total(self):
        self.assertEqual(total([1, 2]), 3)
`;

const SLOW_TS = `export function unique(numbers: readonly number[]): number[] {
  const found: number[] = [];
  for (const number of numbers) {
    if (found.indexOf(number) < 0) found.push(number);
  }
  return found;
}
`;

const MAIN_TS = `import { unique } from "./unique.ts";

let kept = 0;
for (let round = 0; round < 3; round += 1) kept += unique(Array.from({ length: 12_000 }, (_, index) => index)).length;
console.log(kept);
`;

const answer = (text: string) => ({
  provider: new ScriptedProvider({
    answers: [{ text, toolCalls: [], delayMs: 0, object: JSON.parse(text) as unknown }],
  } as unknown as ConstructorParameters<typeof ScriptedProvider>[0]),
  model: "scripted",
  seed: 1,
});

const first = (artifact: Artifact | undefined) => (artifact?.kind === "profile" ? artifact.hotspots[0] : undefined);

describe("the agent performance", { timeout: 120_000 }, () => {
  let stage: AgentStage;
  beforeAll(async () => {
    stage = await openAgentStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it("ranks what takes the time in tests of Python and in a program in TypeScript, and compares with a baseline", async () => {
    const python = await stage.withHost({ "numbers_of.py": SLOW_PY, "test_numbers.py": testsPy(2_000) }, (host) =>
      workOn(performanceAgent, host, {
        repeats: 2,
        metric: "wall",
        runner: "unittest",
        only: ["test_numbers.py::Numbers.test_unique"],
      }),
    );
    const [profile] = python.artifacts;
    expect(profile).toMatchObject({
      kind: "profile",
      tool: "cProfile",
      measured: { time: { metric: "wall", repeats: 2 } },
    });
    expect(first(profile)).toMatchObject({ name: "unique", path: "numbers_of.py", line: 4, calls: 2 });
    const node = await stage.withHost(
      { "main.ts": MAIN_TS, "unique.ts": SLOW_TS, "package.json": '{"type":"module"}' },
      (host) =>
        workOn(performanceAgent, host, {
          command: ["node", "main.ts"],
          repeats: 2,
          baseline: { metric: "cpu", medianMs: 1e6, madMs: 1, repeats: 2 },
        }),
    );
    expect(node.artifacts[0]).toMatchObject({ tool: "cpu-prof", measured: { comparison: { verdict: "faster" } } });
    expect(first(node.artifacts[0])).toMatchObject({ name: "unique", path: "unique.ts", line: 1 });
    expect(node.delta).toMatchObject({ kind: "summary", text: expect.stringContaining("unique.ts") });
  });

  it("keeps a baseline of a repository, target and machine, which later runs are held against until another one is asked for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "glovebox-baselines-"));
    await using store = openContextStore({ dataDir: folder, readers: 1 });
    const files = {
      "pyproject.toml": '[project]\nversion = "1"\nname = "counter"\n',
      "steps.txt": "1000",
      "count.py": 'for at in range(int(open("steps.txt").read())):\n    at * at\n',
    };
    const own = { metric: "cpu", medianMs: 1e7, madMs: 1, repeats: 3 } as const;
    const told = await stage.withHost(files, async (host) => {
      const measured = (payload: object = {}) =>
        workOn(
          performanceAgent,
          { ...host, baselines: createBaselines(store) },
          { command: ["python3", "count.py"], repeats: 3, ...payload },
        );
      const written = (steps: string) =>
        host.bench.work(`write ${steps}`, {}, (_input, inside) => inside.writeFile("steps.txt", steps));
      const first = await measured({ keepBaseline: true });
      // Of another repository, another target and another metric nothing was kept.
      const others = [
        await measured({ repository: "another", repeats: 1 }),
        await measured({ command: ["python3", "count.py", "x"], repeats: 1 }),
        await measured({ metric: "wall", repeats: 1 }),
      ];
      const task = await measured({ baseline: own, repeats: 1 });
      await written("3000000");
      const slower = await measured({ keepBaseline: true });
      await written("999");
      const faster = await measured();
      const command = ["python3", "count.py"];
      const refused = [
        await workOn(performanceAgent, host, { command, keepBaseline: true }).catch(String),
        await measured({ keepBaseline: true, repeats: 0 }).catch(String),
        await host.bench
          .work("no name", {}, (_input, inside) => inside.writeFile("pyproject.toml", ""))
          .then(() => measured({ keepBaseline: true, repeats: 1 }).catch(String)),
      ];
      return { first, others, task, slower, faster, refused };
    });
    for (const one of [told.first, ...told.others]) expect(one.delta).not.toHaveProperty("data.verdict");
    expect(told.task.delta).toMatchObject({ data: { verdict: "faster", baseline: "task" } });
    expect(told.slower.delta).toMatchObject({
      text: expect.stringContaining("It is slower than the baseline."),
      data: { verdict: "slower", baseline: "kept" },
    });
    expect(told.slower.artifacts[0]).toMatchObject({ measured: { comparison: { verdict: "slower" } } });
    expect(told.faster.delta).toMatchObject({ data: { verdict: "faster", baseline: "kept" } });
    expect(told.refused).toEqual([
      expect.stringContaining("nothing keeps baselines here"),
      expect.stringContaining("repeats are 0"),
      expect.stringContaining("the repository's name"),
    ]);
    const { items } = await store.list(TENANT);
    expect(items).toMatchObject([{ version: 2, path: expect.stringMatching(/^baselines\//) }]);
    await rm(folder, { recursive: true });
  });

  it("keeps a model's optimisation only when it is faster and the tests pass", async () => {
    const files = { "numbers_of.py": SLOW_PY, "test_numbers.py": testsPy(6_000) };
    const [faster, wrong, slower] = await stage.withHost(files, async (host) => {
      const ask = (from: number, to: number, text: string) => {
        const model = answer(JSON.stringify({ from, to, text, reason: "because" }));
        return workOn(performanceAgent, { ...host, model }, { repeats: 0, optimise: true });
      };
      return [
        await ask(5, 9, "    return list(dict.fromkeys(numbers))"),
        await ask(5, 9, "    return sorted(set(numbers))[:2]"),
        await ask(5, 5, "    for number in range(1_000_000):\n        pass\n    found = []"),
      ] as const;
    });
    expect(faster.delta).toMatchObject({ kind: "diff", diff: { files: [{ path: "numbers_of.py" }] } });
    expect(faster.delta.kind === "diff" && faster.delta.diff.text).toContain(
      "+    return list(dict.fromkeys(numbers))\n",
    );
    expect(wrong.delta).toMatchObject({ data: { refused: "it breaks test_numbers.py::Numbers.test_unique" } });
    expect(slower.delta).toMatchObject({ data: { refused: expect.stringMatching(/^it is (?:slower|not faster)/) } });
  });

  it("refuses what it cannot profile, and says when the program fails", async () => {
    const files = {
      "fails.py": "raise ValueError('no')\n",
      "ok.py": "pass\n",
      "sleeps.py": "import time\ntime.sleep(600)\n",
    };
    const command = ["python3", "fails.py"];
    const spent = { metric: "cpu" as const, medianMs: 1, madMs: 1, repeats: 1 };
    const [failed, shell, late, other, unmeasured] = await stage.withHost(files, async (host) => [
      await workOn(performanceAgent, host, { command }).catch(String),
      await workOn(performanceAgent, host, { command: ["sh", "-c", "true"] }).catch(String),
      await workOn(performanceAgent, host, { command: ["python3", "sleeps.py"], timeoutMs: 1_000 }).catch(String),
      await workOn(performanceAgent, host, { command, metric: "wall", baseline: spent }).catch(String),
      await workOn(performanceAgent, host, { command, repeats: 0, baseline: spent }).catch(String),
    ]);
    expect(late).toContain("more than 1000 ms");
    expect(other).toContain("the baseline is of cpu time");
    expect(unmeasured).toContain("repeats are 0");
    expect(failed).toContain("ValueError: no");
    expect(shell).toContain("python3 FILE");
    for (const argv of [
      ["python3", "../out.py"],
      ["python3", "/etc/x.py"],
      ["python3", "-c", "1"],
      ["node", "-e", "1"],
      ["node", "--eval=1"],
      ["python3", "-m", "../x"],
    ]) {
      expect(() => commandSubject(argv)).toThrow("what is profiled");
    }
  });
});

describe("statistics", () => {
  const times = fc.array(fc.double({ min: 1, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 30 });

  it("calls a difference within the scatter noise, and others by their direction", () => {
    expect(spreadOf([5, 1, 100])).toEqual({ median: 5, mad: 4, min: 1, count: 3 });
    expect(spreadOf([1, 2])).toMatchObject({ median: 1.5, mad: 0.5 });
    expect(compare({ median: 100, mad: 1 }, { median: 90, mad: 1 }).verdict).toBe("faster");
    expect(compare({ median: 100, mad: 1 }, { median: 110, mad: 1 }).verdict).toBe("slower");
    expect(compare({ median: 100, mad: 5 }, { median: 90, mad: 5 }).verdict).toBe("noise");
    expect(compare({ median: 100, mad: 0 }, { median: 99, mad: 0 }).verdict).toBe("noise");
    fc.assert(
      fc.property(times, times, (a, b) => {
        const [before, now] = [spreadOf(a), spreadOf(b)];
        expect(compare(before, before).verdict).toBe("noise");
        const opposite = { faster: "slower", slower: "faster", noise: "noise" }[compare(before, now).verdict];
        if (Math.abs(before.median - now.median) > 0.03 * Math.max(before.median, now.median)) {
          expect(compare(now, before).verdict).toBe(opposite);
        }
      }),
    );
  });

  it("ranks in the same order when times differ a little, and never by a path that is none", () => {
    const one = (path: string, own: number) => ({ path, line: 1, name: "f", own, total: own });
    const rank = (...functions: ReturnType<typeof one>[]) =>
      rankHotspots({ tool: "cProfile", seconds: 1, functions, error: null, code: 0 }).hotspots.map(({ path }) => path);
    expect(rank(one("b.py", 0.3), one("a.py", 0.32), one("z.py", 0.2), one("c.py", 0.001))).toEqual([
      "a.py",
      "b.py",
      "z.py",
    ]);
    expect(rank(one("b.py", 0.32), one("a.py", 0.3), one("z.py", 0.2), one("c.py", 0.001))).toEqual([
      "a.py",
      "b.py",
      "z.py",
    ]);
    expect(rank(one("../x.py", 1), one(".git/hooks/y.py", 1))).toEqual([]);
  });
});
