import type { RunGraph, RunNode } from "@glovebox/sdk";
import { describe, expect, test } from "vitest";
import { coloursFor } from "./colours.ts";
import { dotLines, mermaidLines } from "./run-diagram.ts";
import { budgetLine, treeLines } from "./run-tree.ts";

const style = { colours: coloursFor({ isTTY: false }, {}), nowMs: 10_000 };

function node(path: string, more: Partial<RunNode> = {}): RunNode {
  const parent = path.includes("/") ? { parent: path.slice(0, path.lastIndexOf("/")) } : {};
  return {
    path,
    kind: "step",
    status: "completed",
    attempts: 1,
    startedAtMs: 1000,
    endedAtMs: 2000,
    ...parent,
    ...more,
  };
}

function graphOf(nodes: readonly RunNode[], more: Partial<RunGraph> = {}): RunGraph {
  return { nodes, edges: [], omitted: 0, ...more };
}

const running = { status: "running", endedAtMs: undefined } as unknown as Partial<RunNode>;

test("a tree tells how each step stands, how long it took, what it waits for and why it failed", () => {
  const waits = { ...running, status: "waiting", startedAtMs: 9000 } as const;
  const lines = treeLines(
    graphOf([
      node("build"),
      node("now", { kind: "now" }),
      node("g", { kind: "group", ...running }),
      node("g/k", { kind: "branch", ...running }),
      node("g/k/test", { ...running, attempts: 2 }),
      node("g/k/nap", { kind: "sleep", ...waits, waitsFor: { kind: "timer", untilMs: 13_000 } }),
      node("again", {
        ...waits,
        error: { code: "unavailable", message: "away" },
        waitsFor: { kind: "retry", untilMs: 12_000 },
      }),
      node("sub", { kind: "child", ...waits, childRunId: "child-1", waitsFor: { kind: "child" } }),
      node("go", { kind: "wait", ...waits, waitsFor: { kind: "signal", name: "go", untilMs: 70_000 } }),
      node("bad", { status: "failed", error: { code: "test_failed", message: "2 red\n\x1b[2J" } }),
      node("lost", { status: "cancelled" }),
      node("old", { status: "void" }),
      node("cut", { status: "pending", endedAtMs: undefined } as unknown as Partial<RunNode>),
      node("compensate/build", { kind: "compensation", parent: "nowhere" }),
    ]),
    style,
  );
  expect(lines).toEqual([
    "├─ ✓  build  1.0 s",
    "├─ ●  g  9.0 s",
    "│  └─ ●  k  9.0 s",
    "│     ├─ ●  test  9.0 s  attempt 2",
    "│     └─ ◌  nap sleep  1.0 s  3.0 s left",
    "├─ ◌  again  1.0 s  again in 2.0 s after  unavailable: away",
    "├─ ◌  sub child  1.0 s  waits for its run  child-1",
    "├─ ◌  go  1.0 s  waits for signal go, 1 min 0 s left",
    "├─ ✗  bad  1.0 s  test_failed: 2 red⏎\\u001b[2J",
    "├─ ⊘  lost cancelled  1.0 s",
    "├─ ~  old (taken back)  1.0 s",
    "├─ ○  cut to be done again",
    "└─ ✓  compensate/build compensation  1.0 s",
  ]);
});

test("what is done although something in it failed is marked", () => {
  const group = node("g", { kind: "group" });
  const branch = node("g/k", { kind: "branch" });
  const lines = treeLines(
    graphOf([group, branch, node("g/k/a", { status: "failed" }), node("g/k/b"), node("c")]),
    style,
  );
  expect(lines.map((line) => line.slice(0, 12).trimEnd())).toEqual([
    "├─ !  g  1.0",
    "│  └─ !  k",
    "│     ├─ ✗",
    "│     └─ ✓",
    "└─ ✓  c  1.0",
  ]);
});

test("with few lines to draw on, it shows what is on or failed and what that is in, then the newest", () => {
  const nodes = [
    ...Array.from({ length: 50 }, (_, at) => node(`done#${at}`)),
    node("g", { kind: "group", ...running }),
    node("g/k", { kind: "branch", ...running }),
    node("g/k/work", running),
    node("bad", { status: "failed" }),
  ];
  const lines = treeLines(graphOf(nodes, { omitted: 7 }), { ...style, maxLines: 8 });
  expect(lines).toHaveLength(8);
  expect(lines.join("\n")).toMatch(/done#47.*done#48.*done#49.*g .*k .*work .*bad .*… 54 more/s);
  expect(treeLines(graphOf(nodes.slice(0, 3)), { ...style, maxLines: 3 })).toHaveLength(3);
});

test("a budget names what has a limit or was used", () => {
  const used = { tokens: 1200, dollars: 0.25, toolCalls: 0, sandboxSeconds: 0 };
  expect(budgetLine({ tokens: 5000, toolCalls: 3, wallMs: 60_000 }, used)).toBe(
    "tokens 1,200 of 5,000 · dollars 0.25 · tool calls 0 of 3 · at most 1 min 0 s",
  );
  expect(budgetLine(undefined, { tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 })).toBe("");
});

describe("as a diagram", () => {
  const hostile = `x"] --> y; end\nsubgraph <script>`;
  const graph = graphOf(
    [
      node("a"),
      node("g", { kind: "group" }),
      node("g/k", { kind: "branch" }),
      node("g/k/x"),
      node(hostile, { status: "failed" }),
    ],
    {
      edges: [
        { from: "a", to: "g" },
        { from: "g", to: "g/k" },
        { from: "g/k", to: "g/k/x" },
        { from: "g", to: hostile },
        { from: "gone", to: "a" },
      ],
    },
  );

  test("groups hold their branches, edges lead between them, and no name is a part of the language", () => {
    const mermaid = mermaidLines(graph);
    expect(mermaid.slice(0, 10)).toEqual([
      "flowchart TD",
      '  n0["a - completed"]:::completed',
      '  subgraph n1 ["g - completed"]',
      '    subgraph n2 ["k - completed"]',
      '      n3["x - completed"]:::completed',
      "    end",
      "  end",
      expect.stringMatching(/^ {2}n4\["x[^"[\]{}();<>|]* - failed"\]:::failed$/),
      "  n0 --> n1",
      "  n1 --> n4",
    ]);
    const dot = dotLines(graph);
    expect(dot).toContain("  n0 -> n1;");
    expect(dot.filter((line) => line.includes("->"))).toHaveLength(2);
    for (const line of [...dot, ...mermaid]) expect(line.split('"').length % 2).toBe(1);
    expect(dot.join("\n").split("{").length).toBe(dot.join("\n").split("}").length);
  });
});
