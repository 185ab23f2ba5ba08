import type { FlowInfo, FlowPlan, FlowPlanStep, FlowRun, FlowValidation } from "@glovebox/sdk";
import { coloursFor } from "../render/colours.ts";
import { printable, printableLine } from "../render/printable.ts";
import { durationText } from "../render/units.ts";

/** What would be done, as a tree, with what it may use. */
export function printPlan({ flow, version, steps, budget }: FlowPlan): void {
  const { bold, dim } = coloursFor(process.stdout);
  const lines: string[] = [`${bold(printableLine(flow))} ${printableLine(version)}`];
  const walk = (list: readonly FlowPlanStep[], indent: string) => {
    for (const [index, step] of list.entries()) {
      const isLast = index === list.length - 1;
      lines.push(`${dim(indent + (isLast ? "└─ " : "├─ "))}${planLine(step)}`);
      walk(step.steps ?? [], indent + (isLast ? "   " : "│  "));
    }
  };
  walk(steps, "");
  lines.push(`${dim("budget")} ${budgetText(budget)}`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

function planLine({ id, kind, agent, note, after, if: condition, rounds, budget }: FlowPlanStep): string {
  const { dim } = coloursFor(process.stdout);
  const what = agent === undefined ? kind : agent === id ? "" : agent;
  const more = [
    ...(after !== undefined && after.length > 0 ? [`after ${after.join(", ")}`] : []),
    ...(condition === undefined ? [] : [`if ${condition}`]),
    ...(rounds === undefined ? [] : [`up to ${rounds} times`]),
    ...(note === undefined ? [] : [note]),
    ...(budget === undefined ? [] : [`budget ${budgetText(budget)}`]),
  ];
  const name = printableLine(id, 60);
  return `${name}${what === "" || what === id ? "" : ` ${dim(printableLine(what, 60))}`}${more.length === 0 ? "" : `  ${dim(printableLine(more.join("; "), 200))}`}`;
}

function budgetText(budget: FlowPlan["budget"]): string {
  const parts = [
    budget.wallMs === undefined ? undefined : durationText(budget.wallMs),
    budget.tokens === undefined ? undefined : `${budget.tokens} tokens`,
    budget.dollars === undefined ? undefined : `${budget.dollars} dollars`,
    budget.toolCalls === undefined ? undefined : `${budget.toolCalls} tool calls`,
    budget.sandboxSeconds === undefined ? undefined : `${budget.sandboxSeconds} sandbox seconds`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "no limit" : parts.join(", ");
}

/** Problems as compilers tell them. */
export function printFlowProblems(file: string, { problems }: FlowValidation): void {
  for (const { line, column, message } of problems) {
    process.stderr.write(`${printableLine(file)}:${line}:${column}: ${printableLine(message, 400)}\n`);
  }
}

export function printInfo({ name, version, description, repository, input, kind }: FlowInfo): void {
  const { bold, dim } = coloursFor(process.stdout);
  const needs = repository ? "works on a repository" : "works on no repository";
  process.stdout.write(`${bold(name)} ${version}  ${printableLine(description)}\n${dim(`${kind}, ${needs}`)}\n`);
  const { properties = {}, required = [] } = input as {
    properties?: Record<string, { description?: string }>;
    required?: readonly string[];
  };
  for (const [field, { description: text = "" }] of Object.entries(properties)) {
    process.stdout.write(`  ${field}${required.includes(field) ? "" : dim(" (optional)")}  ${printableLine(text)}\n`);
  }
}

/** What came of a run, after its steps were told. */
export function printOutcome(view: FlowRun, branch: string | null): void {
  const { green, red, dim, bold } = coloursFor(process.stdout);
  const { tests, suspects = [], status, reason, diff } = view;
  const lines: string[] = [];
  if (diff !== "") lines.push("", ...printable(diff).trimEnd().split("\n").map(diffLine));
  if (tests !== null) {
    const text = `${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped (${tests.runner})`;
    lines.push("", `${dim("tests")}  ${tests.status === "passed" ? green(text) : red(text)}`);
    lines.push(...tests.failing.slice(0, 10).map((id) => `  ${red("✗")} ${printableLine(id, 160)}`));
  }
  if (suspects.length > 0) {
    lines.push("", bold("most likely at fault"));
    lines.push(
      ...suspects
        .slice(0, 10)
        .map(({ path, line, score }) => `  ${printableLine(path)}:${line}  ${dim(score.toFixed(2))}`),
    );
  }
  if (branch !== null) lines.push("", `${dim("branch")} ${bold(branch)}`);
  const { pullRequest } = view.published ?? {};
  if (pullRequest !== undefined) lines.push(`${dim("pull request")} ${printableLine(pullRequest.url)}`);
  const said = reason === undefined ? status : `${status}: ${printableLine(reason, 400)}`;
  lines.push("", status === "completed" ? green(said) : red(said));
  process.stdout.write(`${lines.join("\n")}\n`);
}

function diffLine(line: string): string {
  const { green, red, cyan, dim } = coloursFor(process.stdout);
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("diff ")) return dim(line);
  if (line.startsWith("@@")) return cyan(line);
  return line.startsWith("+") ? green(line) : line.startsWith("-") ? red(line) : line;
}
