import type { JsonValue } from "../../engine/index.ts";
import { condition } from "../expressions/condition.ts";
import type { Contexts, Expression, Functions, Templated } from "../expressions/contexts.ts";
import { hashFilesCalls, hashFilesCallsOf } from "../expressions/hash-files-calls.ts";
import { evaluateTemplated, interpolate } from "../expressions/interpolate.ts";
import { invalid } from "../expressions/invalid.ts";
import type { EnvBlock } from "../workflow/workflow.ts";

export interface ExpressionParts {
  readonly contexts: Contexts;
  readonly status: NonNullable<Functions["status"]>;
  readonly hashFiles: (patterns: readonly string[]) => Promise<string>;
}

/** Expressions of one step. `hashFiles` reads files of the sandbox, so its answers are found before an expression is evaluated. */
export class StepExpressions {
  readonly #parts: ExpressionParts;
  readonly #hashes = new Map<string, string>();
  readonly #functions: Functions;

  constructor(parts: ExpressionParts) {
    this.#parts = parts;
    const hashFiles = (patterns: readonly string[]) => this.#hashes.get(JSON.stringify(patterns)) ?? "";
    this.#functions = { status: parts.status, hashFiles };
  }

  get contexts(): Contexts {
    return this.#parts.contexts;
  }

  /** With more contexts, or others. */
  with(contexts: Contexts): StepExpressions {
    return new StepExpressions({ ...this.#parts, contexts: { ...this.contexts, ...contexts } });
  }

  async text(text: Templated): Promise<string> {
    if (!text.includes("${{")) return text;
    await this.#hash(hashFilesCalls(text, this.contexts, this.#functions));
    return interpolate(text, this.contexts, this.#functions);
  }

  async value(text: Templated): Promise<JsonValue> {
    if (!text.includes("${{")) return text;
    await this.#hash(hashFilesCalls(text, this.contexts, this.#functions));
    return evaluateTemplated(text, this.contexts, this.#functions);
  }

  async condition(expression: Expression | undefined): Promise<boolean> {
    if (expression !== undefined)
      await this.#hash(hashFilesCallsOf(unwrapped(expression), this.contexts, this.#functions));
    return condition(expression, this.contexts, this.#functions);
  }

  /** Values by name, as text. */
  async texts(block: EnvBlock): Promise<Record<string, string>> {
    const given: unknown = typeof block === "string" ? await this.value(block) : block;
    if (given === null || given === "") return {};
    if (typeof given !== "object" || Array.isArray(given)) throw invalid("An object of names and values was expected");
    const texts: Record<string, string> = {};
    for (const [name, value] of Object.entries(given)) {
      texts[name] = typeof block === "string" ? asText(value) : await this.text(String(value));
    }
    return texts;
  }

  /** A number of minutes, in milliseconds; `undefined` when there is none. */
  async minutesAsMs(minutes: Templated | number | undefined): Promise<number | undefined> {
    if (minutes === undefined) return undefined;
    const value = typeof minutes === "number" ? minutes : Number(await this.value(minutes));
    if (!Number.isFinite(value) || value <= 0)
      throw invalid(`timeout-minutes is ${String(minutes)}, which is no number above 0`);
    return Math.min(Math.ceil(value * 60_000), MAX_TIMEOUT_MS);
  }

  async #hash(calls: readonly (readonly string[])[]): Promise<void> {
    for (const patterns of calls) {
      const key = JSON.stringify(patterns);
      if (!this.#hashes.has(key)) this.#hashes.set(key, await this.#parts.hashFiles(patterns));
    }
  }
}

/** As long as an execution may last. */
const MAX_TIMEOUT_MS = 7 * 24 * 3_600_000;

function unwrapped(expression: Expression): Expression {
  const whole = /^\s*\$\{\{([\s\S]*)\}\}\s*$/.exec(expression);
  return whole?.[1] ?? expression;
}

function asText(value: unknown): string {
  return value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
