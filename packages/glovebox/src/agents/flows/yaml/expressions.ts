import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { GloveboxError } from "../../../core/index.ts";

/** Characters of one expression. */
const MAX_CHARS = 2_000;
/** What an expression gives may have, as JSON. */
const MAX_RESULT_CHARS = 1_048_576;
/** Loops over lists in one expression, next to and within each other. */
const MAX_LOOPS = 2;
const LOOPS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "map", "filter"]);
/** No `matches`, whose patterns can take any time, and nothing of dates, which flows have none of. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...LOOPS,
  ...["size", "has", "string", "int", "double", "bool", "type", "dyn"],
  ...[
    "contains",
    "startsWith",
    "endsWith",
    "split",
    "join",
    "trim",
    "lowerAscii",
    "upperAscii",
    "indexOf",
    "substring",
  ],
  ...["orValue", "hasValue", "value", "or"],
]);

/** What names mean in an expression. */
export const VARIABLES = ["input", "steps", "item", "index", "round", "branch"] as const;
export type Variable = (typeof VARIABLES)[number];
export type Scope = Readonly<Partial<Record<Variable, unknown>>>;

/** What is wrong with an expression, and where in it. */
export class ExpressionProblem extends Error {
  override readonly name = "ExpressionProblem";
  /** From the expression's beginning, characters. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const environment = new Environment({
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
  limits: { maxAstNodes: 300, maxDepth: 40, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 8 },
});
for (const name of VARIABLES) environment.registerVariable(name, "dyn");

/** An expression of the Common Expression Language: it computes, ends, and reaches nothing but its variables. */
export class Expression {
  readonly text: string;
  /** The steps that it reads, by id. */
  readonly steps: readonly string[];
  /** The fields of the input that it reads. */
  readonly inputs: readonly string[];
  readonly variables: ReadonlySet<Variable>;
  readonly #evaluate: (scope: Record<string, unknown>) => unknown;

  /** Throws {@link ExpressionProblem}. */
  constructor(text: string) {
    if (text.length > MAX_CHARS) throw new ExpressionProblem(`an expression has at most ${MAX_CHARS} characters`, 0);
    const parsed = parse(text);
    const found = look(parsed.ast);
    this.text = text;
    this.steps = [...found.steps];
    this.inputs = [...found.inputs];
    this.variables = found.variables;
    this.#evaluate = (scope) => parsed(scope);
  }

  /** `invalid_argument` when it cannot be computed: a field that is not there, types that do not go together, a result that is too large. */
  evaluate(scope: Scope): unknown {
    try {
      const known = Object.fromEntries(VARIABLES.map((name) => [name, toCel(this.#given(name, scope))]));
      return fromCel(this.#evaluate(known), { left: MAX_RESULT_CHARS });
    } catch (error) {
      if (error instanceof GloveboxError) throw error;
      throw new GloveboxError("invalid_argument", `${this.text}: ${messageOf(error)}`, {
        details: { expression: this.text },
      });
    }
  }

  /** Only what it reads: there may be large diffs in the rest. */
  #given(name: Variable, scope: Scope): unknown {
    if (!this.variables.has(name)) return null;
    const value = scope[name] ?? null;
    if (name !== "steps" || typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).filter(([id]) => this.steps.includes(id)));
  }

  /** As a condition: `invalid_argument` unless it is true or false. */
  test(scope: Scope): boolean {
    const value = this.evaluate(scope);
    if (typeof value === "boolean") return value;
    throw new GloveboxError("invalid_argument", `${this.text}: a condition is true or false, this is ${typeof value}`);
  }
}

function parse(text: string) {
  try {
    const parsed = environment.parse(text);
    const { valid, error } = parsed.check();
    if (!valid) throw error;
    return parsed;
  } catch (error) {
    throw new ExpressionProblem(messageOf(error), offsetOf(error));
  }
}

/** Walks a tree once: refuses what is not allowed, and tells what is read. */
function look(root: ASTNode) {
  const steps = new Set<string>();
  const inputs = new Set<string>();
  const variables = new Set<Variable>();
  const named = new Set<unknown>();
  let loops = 0;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) visit(one);
    if (!isNode(node)) return;
    const { op, args } = node;
    if (op === "call" || op === "rcall") {
      const name = String(args[0]);
      if (!FUNCTIONS.has(name)) throw new ExpressionProblem(`there is no function ${name} here`, node.pos);
      if (LOOPS.has(name)) loops += 1;
      if (loops > MAX_LOOPS) throw new ExpressionProblem(`more than ${MAX_LOOPS} loops in one expression`, node.pos);
    }
    const step = fieldOf(node, "steps");
    if (step !== undefined) {
      steps.add(step);
      named.add((args as unknown[])[0]);
    }
    // With a `?` it may be absent.
    const input = op === ".?" || op === "[?]" ? undefined : fieldOf(node, "input");
    if (input !== undefined) inputs.add(input);
    if (op === "id") {
      if (args === "steps" && !named.has(node)) throw new ExpressionProblem("name the step: steps.ID", node.pos);
      if ((VARIABLES as readonly string[]).includes(args)) variables.add(args as Variable);
    }
    visit(args);
  };
  visit(root);
  return { steps, inputs, variables };
}

/** `NAME.FIELD` or `NAME["FIELD"]`. */
function fieldOf({ op, args }: ASTNode, name: Variable): string | undefined {
  if (op !== "." && op !== ".?" && op !== "[]" && op !== "[?]") return undefined;
  const [of, key] = args as [ASTNode, ASTNode | string];
  if (of.op !== "id" || of.args !== name) return undefined;
  if (typeof key === "string") return key;
  return key.op === "value" && typeof key.args === "string" ? key.args : undefined;
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

/** JSON as the language has it: whole numbers are integers, so that one can count with them. */
function toCel(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCel(item)]));
}

function fromCel(value: unknown, size: { left: number }): unknown {
  size.left -= typeof value === "string" ? value.length : 8;
  if (size.left < 0) throw new GloveboxError("payload_too_large", "an expression gives more than it may");
  if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
    return value;
  }
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((item) => fromCel(item, size));
  if (value instanceof Map) return fromCel(Object.fromEntries(value), size);
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        size.left -= key.length;
        return [key, fromCel(item, size)];
      }),
    );
  }
  throw new GloveboxError("invalid_argument", "an expression gives what JSON does not have");
}

/** The first line: the rest is a picture of where it is, which a column says as well. */
function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}

function offsetOf(error: unknown): number {
  if (typeof error !== "object" || error === null) return 0;
  const { node, range } = error as { node?: { pos?: number }; range?: { start?: number } };
  return node?.pos ?? range?.start ?? 0;
}
