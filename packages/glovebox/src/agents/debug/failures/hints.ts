import type { MutationKind } from "../mutations/mutation.ts";
import type { Hints } from "../mutations/operators/site.ts";
import type { ErrorKind } from "./failure.ts";

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

/** What is likelier wrong where tests fail in a way. */
const FAVOURED: Readonly<Partial<Record<ErrorKind, readonly MutationKind[]>>> = {
  timeout: ["update", "comparison", "off_by_one"],
  recursion: ["comparison", "off_by_one", "guard"],
  nothing: ["return", "guard"],
  not_raised: ["exception", "comparison", "negation"],
  division: ["guard"],
  index: ["off_by_one", "comparison", "slice"],
  key: ["exception", "guard"],
  name: ["member", "variable"],
  type: ["guard", "swapped_arguments"],
};

/** Kinds of changes that failures speak for. */
export function favouredBy(kinds: readonly ErrorKind[]): readonly MutationKind[] {
  return [...new Set(kinds.flatMap((kind) => FAVOURED[kind] ?? []))];
}
