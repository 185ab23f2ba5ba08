import type { TaskType } from "../messages/parts.ts";

/** Words that tell what kind of work is meant; the first row that has one of them counts. */
const RULES: readonly (readonly [TaskType, RegExp])[] = [
  ["test_exec", /\b(?:run|execute|rerun)\s+(?:all\s+|the\s+)*tests?\b|\bverify\b|\bmeasure coverage\b/],
  ["debug", /\b(?:fix|repair|debug|mend|bugs?|failing|fails?|broken|crash(?:es)?|regression)\b/],
  ["testgen", /\b(?:add|write|generate|more|missing)\b.*\btests?\b|\btests? for\b|\bcover(?:age)?\b/],
  ["performance", /\b(?:fast(?:er)?|slow|speed|optimi[sz]e|performance|profile|latency|hotspots?)\b/],
  ["design_review", /\b(?:review|design|architecture|maintainab\w+|refactoring ideas?)\b/],
  ["static_analysis", /\b(?:lint|scan|analy[sz]e|analysis|security|vulnerabilit\w+|insecure)\b/],
  ["merge", /\b(?:merge|combine)\b.*\b(?:diffs?|branch(?:es)?|changes)\b/],
];

/** What kind of work a text asks for: by the rules, else code is to be written. */
export function classify(text: string): TaskType {
  const words = text.toLowerCase();
  return RULES.find(([, pattern]) => pattern.test(words))?.[0] ?? "codegen";
}
