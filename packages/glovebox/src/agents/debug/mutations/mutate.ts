import { nodesOf, parseCode, type SyntaxNode } from "../../../syntax/index.ts";
import { type CodeFile, grammarOfFile } from "../../code/code-file.ts";
import { type Edit, MUTATION_PRIORS, type Mutation, type MutationKind } from "./mutation.ts";
import { Names } from "./names.ts";
import { OPERATORS } from "./operators/index.ts";
import type { Hints } from "./operators/site.ts";
import { statementAround } from "./view.ts";

export interface MutationRequest extends CodeFile {
  /** Where changes may be, from 1, and how suspicious each line is (0 to 1). Lines that a statement continues on count with its first. */
  readonly lines: readonly { readonly line: number; readonly score: number }[];
  readonly hints: Hints;
  /** Kinds of changes that the failures speak for. */
  readonly favoured: readonly MutationKind[];
  /** Of the best, at most so many; 1 to 5,000. */
  readonly limit: number;
  /** Of one line, at most so many: no line takes all places. */
  readonly limitPerLine: number;
}

/** How much likelier a kind of change is that the failures speak for. */
const FAVOURED = 1.5;

/** Changes of a file at suspicious lines, best first; among equals by place, then by text. The same for the same request. */
export async function mutations({
  lines,
  hints,
  favoured,
  limit,
  limitPerLine,
  ...file
}: MutationRequest): Promise<readonly Mutation[]> {
  const { language, grammar } = grammarOfFile(file);
  const { path, text: source } = file;
  const { root } = await parseCode(source, grammar);
  const scores = new Map(lines.map(({ line, score }) => [line, score]));
  const names = new Names(root);
  const found = new Map<string, Mutation>();
  for (const node of nodesOf(root)) {
    const score = scoreAt(node, scores);
    if (score === undefined || !node.named || node.type === "comment") continue;
    for (const operator of OPERATORS) {
      for (const edit of operator({ node, source, language, names, hints }))
        keep(found, edit, { path, source, node, score: favoured.includes(edit.kind) ? score * FAVOURED : score });
    }
  }
  return limited([...found.values()].sort(compareMutations), limit, limitPerLine);
}

function scoreAt(node: SyntaxNode, scores: ReadonlyMap<number, number>): number | undefined {
  const own = scores.get(node.line);
  if (own !== undefined) return own;
  const around = statementAround(node);
  // Only what continues a line; the statements within another have lines of their own.
  return around === undefined ? undefined : scores.get(around.line);
}

/** The same change by two operators counts once, as the better one. */
function keep(
  found: Map<string, Mutation>,
  { kind, start, end, text, weight = 1 }: Edit,
  { path, source, node, score }: { path: string; source: string; node: SyntaxNode; score: number },
): void {
  if (source.slice(start, end) === text) return;
  const key = `${start}:${end}:${text}`;
  const mutation = {
    path,
    kind,
    line: node.line,
    start,
    end,
    text,
    score: round(score * MUTATION_PRIORS[kind] * weight),
  };
  const known = found.get(key);
  if (known === undefined || known.score < mutation.score) found.set(key, mutation);
}

/** So that the last bits of a product decide nothing. */
function round(score: number): number {
  return Math.round(score * 1e6) / 1e6;
}

/** By score, path, place and text: one order on every machine. */
export function compareMutations(a: Mutation, b: Mutation): number {
  if (a.score !== b.score) return b.score - a.score;
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.line - b.line || a.start - b.start || a.end - b.end || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0);
}

function limited(sorted: readonly Mutation[], limit: number, perLine: number): readonly Mutation[] {
  const counts = new Map<number, number>();
  const kept: Mutation[] = [];
  for (const mutation of sorted) {
    const count = (counts.get(mutation.line) ?? 0) + 1;
    counts.set(mutation.line, count);
    if (count <= perLine) kept.push(mutation);
    if (kept.length === limit) break;
  }
  return kept;
}
