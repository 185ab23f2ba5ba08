import { createHash } from "node:crypto";
import type { FlowScope } from "../flow-scope.ts";
import type { TestsSeen } from "./tests-of.ts";

const MAX_CHARS = 4_000;
const MAX_EVIDENCE = 20;

/** What was learnt of failures like these before; the ids of what helped then. Without a memory nothing is. */
export async function recall({ host, run }: FlowScope, seen: TestsSeen): Promise<readonly string[]> {
  if (host.lessons === undefined) return [];
  const lessons = await host.lessons.recall(run, failureOf(seen));
  return lessons.filter(({ worked }) => worked).map(({ id }) => id);
}

/** Keeps what this run found out, for the next one of the same tenant. */
export async function learn(
  { host, run }: FlowScope,
  seen: TestsSeen,
  {
    fixes,
    worked,
    known,
  }: { readonly fixes: readonly string[]; readonly worked: boolean; readonly known: readonly string[] },
): Promise<void> {
  const { lessons } = host;
  if (lessons === undefined) return;
  const fix = fixes.length === 0 ? "no small change was found" : fixes.join("\n");
  const evidence = seen.failing.slice(0, MAX_EVIDENCE).map(({ id }) => id.slice(0, 500));
  const id = await lessons.learn(run, {
    failure: failureOf(seen),
    fix: fix.slice(0, MAX_CHARS),
    worked,
    agent: "debug",
    evidence,
  });
  // The same failure was mended the same way: what was known of it was right.
  if (worked && known.includes(id)) await lessons.helped(run, [id]);
}

/** In the words that the next failure of the same cause would have. */
function failureOf({ failing, tests }: TestsSeen): string {
  const lines = failing.slice(0, 10).map(({ id, log }) => `${id}: ${log.split("\n").slice(-3).join(" ")}`);
  const text = `${tests.runner}\n${lines.join("\n")}`;
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 17)} ${hashOf(text)}`;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
