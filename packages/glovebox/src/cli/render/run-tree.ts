import type { RunGraph, RunInfo, RunNode, RunNodeKind, RunNodeStatus, RunUsage } from "@glovebox/sdk";
import type { Colours } from "./colours.ts";
import { printableLine } from "./printable.ts";
import { durationText } from "./units.ts";

/** Values that a program asked for: no work, and too many to be looked at. */
const VALUES: ReadonlySet<RunNodeKind> = new Set(["now", "random", "uuid", "budget"]);
const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

export interface TreeStyle {
  readonly colours: Colours;
  readonly nowMs: number;
  /** Turns what is running; absent where nothing moves. */
  readonly frame?: number;
  /** Most lines of the tree; what completed first is left out, then the rest. Default: all. */
  readonly maxLines?: number;
}

/** A run's steps, a line each, below one another as they are within one another. */
export function treeLines(graph: RunGraph, style: TreeStyle): string[] {
  const shown = graph.nodes.filter(({ kind }) => !VALUES.has(kind));
  const { kept, left } = chooseNodes(shown, style.maxLines ?? Number.POSITIVE_INFINITY);
  const below = new Map<string, RunNode[]>();
  const paths = new Set(kept.map(({ path }) => path));
  for (const node of kept) {
    const parent = node.parent !== undefined && paths.has(node.parent) ? node.parent : "";
    const siblings = below.get(parent);
    if (siblings === undefined) below.set(parent, [node]);
    else siblings.push(node);
  }
  const troubled = new Set<string>();
  for (const node of shown.toReversed()) {
    if (node.parent !== undefined && (node.status === "failed" || troubled.has(node.path))) troubled.add(node.parent);
  }
  const lines: string[] = [];
  const walk = (parent: string, indent: string) => {
    const nodes = below.get(parent) ?? [];
    for (const [index, node] of nodes.entries()) {
      const isLast = index === nodes.length - 1;
      lines.push(
        `${style.colours.dim(indent + (isLast ? "└─ " : "├─ "))}${nodeText(node, troubled.has(node.path), style)}`,
      );
      walk(node.path, indent + (isLast ? "   " : "│  "));
    }
  };
  walk("", "");
  const hidden = left + graph.omitted;
  return hidden === 0 ? lines : [...lines, style.colours.dim(`… ${hidden} more`)];
}

/** What a run may use and used, where there is anything to say. */
export function budgetLine(limits: RunInfo["budget"], used: RunUsage): string {
  const parts: string[] = [];
  const add = (what: string, amount: number, limit: number | undefined) => {
    if (limit === undefined && amount === 0) return;
    const number = (value: number) => Number(value.toFixed(4)).toLocaleString("en-US");
    parts.push(`${what} ${number(amount)}${limit === undefined ? "" : ` of ${number(limit)}`}`);
  };
  add("tokens", used.tokens, limits?.tokens);
  add("dollars", used.dollars, limits?.dollars);
  add("tool calls", used.toolCalls, limits?.toolCalls);
  add("sandbox seconds", used.sandboxSeconds, limits?.sandboxSeconds);
  if (limits?.wallMs !== undefined) parts.push(`at most ${durationText(limits.wallMs)}`);
  return parts.join(" · ");
}

/** First what is on or went wrong, and what it is in; then the newest of the rest. */
function chooseNodes(nodes: readonly RunNode[], most: number): { readonly kept: RunNode[]; readonly left: number } {
  if (nodes.length <= most) return { kept: [...nodes], left: 0 };
  const room = Math.max(1, most - 1);
  const byPath = new Map(nodes.map((node) => [node.path, node]));
  const chosen = new Set<RunNode>();
  const choose = (node: RunNode) => {
    const line: RunNode[] = [];
    for (let at: RunNode | undefined = node; at !== undefined && !chosen.has(at); at = byPath.get(at.parent ?? "")) {
      line.push(at);
    }
    if (chosen.size + line.length <= room) for (const one of line) chosen.add(one);
  };
  const isCalm = ({ status }: RunNode) => status === "completed" || status === "cancelled" || status === "void";
  for (const node of nodes.toReversed()) if (!isCalm(node)) choose(node);
  for (const node of nodes.toReversed()) if (isCalm(node)) choose(node);
  return { kept: nodes.filter((node) => chosen.has(node)), left: nodes.length - chosen.size };
}

function nodeText(node: RunNode, hasFailure: boolean, style: TreeStyle): string {
  const { colours } = style;
  // Done, and something in it failed: whether that mattered is the program's affair.
  const mark = hasFailure && node.status === "completed" ? colours.yellow("!") : markOf(node.status, style);
  const parts = [mark, nameText(node, colours)];
  if (node.status === "running" || node.status === "waiting" || node.endedAtMs !== undefined) {
    parts.push(colours.dim(tookText(node, style.nowMs)));
  }
  if (node.attempts > 1) parts.push(colours.yellow(`attempt ${node.attempts}`));
  if (node.waitsFor !== undefined) parts.push(colours.yellow(waitText(node, style.nowMs)));
  if (node.childRunId !== undefined) parts.push(colours.dim(printableLine(node.childRunId, 40)));
  if (node.error !== undefined)
    parts.push(colours.red(printableLine(`${node.error.code}: ${node.error.message}`, 160)));
  return parts.filter((part) => part !== "").join("  ");
}

function markOf(status: RunNodeStatus, { colours, frame }: TreeStyle): string {
  switch (status) {
    case "completed":
      return colours.green("✓");
    case "failed":
      return colours.red("✗");
    case "running":
      return colours.cyan(frame === undefined ? "●" : (SPINNER[frame % SPINNER.length] ?? "●"));
    case "waiting":
      return colours.yellow("◌");
    case "pending":
      return colours.yellow("○");
    case "cancelled":
      return colours.dim("⊘");
    case "void":
      return colours.dim("~");
  }
}

/** The path without what it is in, which stands above it. */
function nameText({ path, parent, kind, status }: RunNode, colours: Colours): string {
  const name = printableLine(
    parent !== undefined && path.startsWith(`${parent}/`) ? path.slice(parent.length + 1) : path,
    60,
  );
  const text =
    kind === "step" || kind === "branch" || kind === "group" ? name : `${name} ${colours.dim(kindText(kind, name))}`;
  if (status === "void") return colours.dim(`${name} (taken back)`);
  if (status === "cancelled") return `${text} ${colours.dim("cancelled")}`;
  return status === "pending" ? `${text} ${colours.dim("to be done again")}` : text.trimEnd();
}

function kindText(kind: RunNodeKind, name: string): string {
  if (kind === "wait") return "";
  if (kind === "wait_any") return "first of";
  return kind === name ? "" : kind;
}

function tookText({ startedAtMs, endedAtMs }: RunNode, nowMs: number): string {
  if (startedAtMs === undefined) return "";
  return durationText(Math.max(0, (endedAtMs ?? nowMs) - startedAtMs));
}

function waitText({ waitsFor, error }: RunNode, nowMs: number): string {
  if (waitsFor === undefined) return "";
  const { kind, name = "", untilMs } = waitsFor;
  const left = untilMs === undefined ? "" : durationText(Math.max(0, untilMs - nowMs));
  if (kind === "timer") return left === "" ? "sleeps" : `${left} left`;
  if (kind === "retry") return `again in ${left}${error === undefined ? "" : " after"}`;
  if (kind === "child") return "waits for its run";
  const what = kind === "approval" ? "waits for approval" : `waits for signal ${printableLine(name, 60)}`;
  return left === "" ? what : `${what}, ${left} left`;
}
