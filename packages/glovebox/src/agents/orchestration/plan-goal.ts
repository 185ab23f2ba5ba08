import type { TaskType } from "../messages/parts.ts";
import type { NewTask } from "../messages/task.ts";
import { classify } from "./classify.ts";

const BULLET = /^\s*[-*•]\s+/;
const NUMBER = /^\s*\d+[.)]\s+/;
const CHANGES: ReadonlySet<string> = new Set<TaskType>(["codegen", "debug", "testgen", "performance"]);

interface Part {
  readonly text: string;
  /** It may be done beside the part before it. */
  readonly isBeside: boolean;
}

/**
 * The rules by which a goal becomes a graph of tasks:
 * 1. Lines of a list are parts; without a list, what `;`, a full stop at a line's or sentence's end, or `then` separates.
 * 2. Bullets (`-`, `*`) that follow each other are done side by side; all else one after the other.
 * 3. A part's words say its type (`classify`).
 * 4. When something changes and no part runs the tests after it, a `test_exec` comes last.
 */
export function planGoal(goal: string, { verify }: { readonly verify: boolean }): readonly NewTask[] {
  const counts = new Map<TaskType, number>();
  const idOf = (type: TaskType): string => {
    const count = (counts.get(type) ?? 0) + 1;
    counts.set(type, count);
    return `${type}-${count}`;
  };
  const tasks: NewTask[] = [];
  let before: readonly string[] = [];
  let group: string[] = [];
  for (const { text, isBeside } of partsOf(goal)) {
    const type = classify(text);
    if (!isBeside) {
      before = group.length > 0 ? group : before;
      group = [];
    }
    const id = idOf(type);
    tasks.push({ id, type, payload: payloadFor(type, text), after: [...before] });
    group.push(id);
  }
  const lastRun = tasks.findLastIndex(({ type }) => type === "test_exec");
  const isUnverified = tasks.some(({ type }, at) => CHANGES.has(type) && at > lastRun);
  if (verify && isUnverified) tasks.push({ id: idOf("test_exec"), type: "test_exec", payload: {}, after: [...group] });
  return tasks;
}

/** What agents of that type take; those of the house find the rest in the repository. */
function payloadFor(type: TaskType, goal: string): NewTask["payload"] {
  return type === "codegen" ? { goal } : {};
}

function partsOf(goal: string): readonly Part[] {
  const lines = goal.split("\n").filter((line) => line.trim() !== "");
  const isList = lines.some((line) => BULLET.test(line) || NUMBER.test(line));
  if (!isList) return sentencesOf(lines.join(". ")).map((text) => ({ text, isBeside: false }));
  const parts: Part[] = [];
  let wasBullet = false;
  for (const line of lines) {
    const isBullet = BULLET.test(line);
    // A heading above a list says nothing to do.
    if (!isBullet && !NUMBER.test(line) && line.trim().endsWith(":")) continue;
    parts.push({ text: line.replace(BULLET, "").replace(NUMBER, "").trim(), isBeside: isBullet && wasBullet });
    wasBullet = isBullet;
  }
  return parts;
}

function sentencesOf(text: string): string[] {
  return text
    .split(/;|\.(?:\s+|$)|,?\s+(?:and\s+)?then\s+/)
    .map((part) => part.trim().replace(/[.!]+$/, ""))
    .filter((part) => part !== "");
}
