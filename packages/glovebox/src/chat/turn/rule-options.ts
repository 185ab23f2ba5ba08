import type { Assistant } from "../assistants/assistant.ts";
import { MAX_LOOKED_INTO } from "../validation/limits.ts";

/** What an assistant's code is held to, as validation takes it. */
export function ruleOptions({ execution }: Assistant) {
  const { allowedLanguages, maxCodeLength, rules } = execution;
  return {
    ...(allowedLanguages !== undefined && { allowedLanguages }),
    maxLength: Math.min(maxCodeLength, MAX_LOOKED_INTO),
    rules: Object.fromEntries(Object.entries(rules).map(([id, decision]) => [id, { decision }])),
  };
}
