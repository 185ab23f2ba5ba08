import type { Hints } from "../mutations/operators/site.ts";

const MAX_EACH = 6;
const MAX_TEXT = 4_000;

/** Numbers, short texts and names of errors in what failing tests say: what belongs at a faulty line is often among them. */
export function hintsFrom(messages: readonly string[]): Hints {
  const text = messages
    .map((message) => message.slice(0, MAX_TEXT))
    .join("\n")
    .slice(0, 8 * MAX_TEXT);
  const numbers = [...text.matchAll(/(?<![\w.])\d{1,9}(?:\.\d{1,6})?(?![\w.])/g)].map(([found]) => found);
  const texts = [...text.matchAll(/'([^'"\n\\]{0,12})'|"([^'"\n\\]{0,12})"/g)].map(([, one, two]) => one ?? two ?? "");
  const names = [...text.matchAll(/\b[A-Z]\w{2,60}\b/g)].map(([found]) => found);
  return { numbers: first(numbers), texts: first(texts), names: first(names) };
}

function first(all: readonly string[]): readonly string[] {
  return [...new Set(all)].slice(0, MAX_EACH);
}
