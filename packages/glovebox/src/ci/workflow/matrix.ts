import { GloveboxError } from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { evaluateTemplated } from "../expressions/interpolate.ts";
import { segmentsOf } from "../expressions/segments.ts";
import type { MatrixTemplate } from "./workflow.ts";

/** GitHub's bound: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix */
export const MAX_COMBINATIONS = 256;

export type Combination = Readonly<Record<string, JsonValue>>;

/**
 * The combinations of a matrix, in GitHub's order: the first variable changes last; then what `include` adds of its own.
 * None where `exclude` leaves none. `invalid_argument` for more than 256, for an empty list, and for an expression that gives no list.
 * Source: https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
 */
export function expandMatrix(template: MatrixTemplate, contexts: Contexts): readonly Combination[] {
  const { vectors, include, exclude } = resolve(template, contexts);
  const left = product(vectors).filter((combination) => !exclude.some((pattern) => contains(combination, pattern)));
  const combinations = withIncludes(left, new Set(Object.keys(vectors)), include);
  if (combinations.length > MAX_COMBINATIONS) throw tooMany();
  return combinations;
}

function tooMany(): GloveboxError {
  return invalid(`The matrix has more than ${MAX_COMBINATIONS} combinations`);
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message);
}

interface Resolved {
  readonly vectors: Readonly<Record<string, readonly JsonValue[]>>;
  readonly include: readonly Combination[];
  readonly exclude: readonly Combination[];
}

function resolve(template: MatrixTemplate, contexts: Contexts): Resolved {
  const given = (
    typeof template === "string" ? fromObject(evaluateTemplated(template, contexts)) : template
  ) as Exclude<MatrixTemplate, string>;
  const vectors = Object.entries(given.vectors).map(
    ([name, value]) => [name, vectorOf(name, value as JsonValue, contexts)] as const,
  );
  return {
    vectors: Object.fromEntries(vectors),
    include: itemsOf("include", given.include as JsonValue, contexts),
    exclude: itemsOf("exclude", given.exclude as JsonValue, contexts),
  };
}

function fromObject(value: JsonValue): MatrixTemplate {
  if (!isObject(value)) throw invalid("The expression of a matrix must give an object");
  const { include = [], exclude = [], ...vectors } = value as Record<string, never>;
  return { vectors, include, exclude };
}

function vectorOf(name: string, value: JsonValue, contexts: Contexts): readonly JsonValue[] {
  const list = resolveValue(value, contexts);
  if (!isList(list)) throw invalid(`Matrix vector '${name}' must be a list`);
  if (list.length === 0) throw invalid(`Matrix vector '${name}' does not contain any values`);
  return list;
}

function itemsOf(name: string, value: JsonValue, contexts: Contexts): readonly Combination[] {
  const list = resolveValue(value, contexts);
  // An expression that gives the empty text: nothing to include.
  if (list === "" || list === null) return [];
  if (!isList(list) || !list.every(isObject)) throw invalid(`The matrix's '${name}' must be a list of objects`);
  return list as readonly Combination[];
}

/** Evaluates what stands in a matrix, down to its leaves. */
function resolveValue(value: JsonValue, contexts: Contexts): JsonValue {
  if (typeof value === "string")
    return segmentsOf(value).some(({ kind }) => kind === "expression") ? evaluateTemplated(value, contexts) : value;
  if (isList(value)) return value.map((item) => resolveValue(item, contexts));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, resolveValue(field ?? null, contexts)]),
  );
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue | undefined>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function product(vectors: Resolved["vectors"]): Combination[] {
  const names = Object.keys(vectors);
  if (names.length === 0) return [];
  const count = names.reduce((sum, name) => sum * (vectors[name]?.length ?? 0), 1);
  // What `exclude` takes away again must be made first; 10,000 of them are no honest matrix.
  if (count > MAX_COMBINATIONS * 8) throw tooMany();
  let combinations: Combination[] = [{}];
  for (const name of names) {
    combinations = combinations.flatMap((combination) =>
      (vectors[name] ?? []).map((value) => ({ ...combination, [name]: value })),
    );
  }
  return combinations;
}

/** Whether `value` has all of `pattern`: a configuration is excluded by a partial match. */
function contains(value: JsonValue | undefined, pattern: JsonValue | undefined): boolean {
  if (isObject(pattern)) {
    return isObject(value) && Object.entries(pattern).every(([name, wanted]) => contains(value[name], wanted));
  }
  if (isList(pattern)) {
    return (
      isList(value) &&
      value.length === pattern.length &&
      pattern.every((wanted, index) => contains(value[index], wanted))
    );
  }
  return value === pattern || (isScalar(value) && isScalar(pattern) && String(value) === String(pattern));
}

function isScalar(value: JsonValue | undefined): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/**
 * "For each object in the include list, the key:value pairs in the object will be added to each of the matrix combinations if none of the
 * key:value pairs overwrite any of the original matrix values. If the object cannot be added to any of the matrix combinations, a new matrix
 * combination will be created instead."
 */
function withIncludes(
  originals: readonly Combination[],
  names: ReadonlySet<string>,
  include: readonly Combination[],
): Combination[] {
  const combinations = originals.map((combination) => ({ ...combination }));
  const added: Combination[] = [];
  for (const item of include) {
    const fitting = combinations.filter((_, index) => fits(item, originals[index], names));
    for (const combination of fitting) Object.assign(combination, item);
    if (fitting.length === 0) added.push(item);
  }
  return [...combinations, ...added];
}

function fits(item: Combination, original: Combination | undefined, names: ReadonlySet<string>): boolean {
  return Object.entries(item).every(
    ([name, value]) => !names.has(name) || (contains(original?.[name], value) && contains(value, original?.[name])),
  );
}
