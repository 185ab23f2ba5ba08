import type { MappingToken, TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import { TemplateTokenError } from "@actions/workflow-parser/templates/tokens/template-token";
import type { TokenRange } from "@actions/workflow-parser/templates/tokens/token-range";
import {
  isBasicExpression,
  isBoolean,
  isMapping,
  isNumber,
  isScalar,
  isSequence,
  isString,
} from "@actions/workflow-parser/templates/tokens/type-guards";
import type { JsonValue } from "../../engine/index.ts";
import type { Expression, Templated } from "../expressions/contexts.ts";
import { numberToText } from "../expressions/number-text.ts";
import { asExpression, wholeExpression } from "../expressions/segments.ts";
import type { Problems } from "./problems.ts";
import type { Template } from "./read-template.ts";
import type { EnvBlock, Position } from "./workflow.ts";

const NO_FIELDS: ReadonlyMap<string, TemplateToken> = new Map();

/** Makes data of the library's tokens. What the schema lets pass but this cannot take is a problem, and is left out. */
export class TokenReader {
  readonly problems: Problems;
  readonly #texts: ReadonlyMap<TokenRange, string>;
  readonly #fields = new Map<TemplateToken, ReadonlyMap<string, TemplateToken>>();

  constructor(template: Template, problems: Problems) {
    this.#texts = template.texts;
    this.problems = problems;
  }

  /** A scalar as text, with its expressions as they were written. */
  text(token: TemplateToken): Templated {
    const written = token.range === undefined ? undefined : this.#texts.get(token.range);
    if (written !== undefined) return written;
    if (isBasicExpression(token)) return `\${{ ${token.expression} }}`;
    if (isNumber(token)) return numberToText(token.value);
    return isScalar(token) ? token.toString() : this.#unexpected(token, "a text", "");
  }

  optionalText(token: TemplateToken | undefined): Templated | undefined {
    return token === undefined ? undefined : this.text(token);
  }

  /** Whatever it is, as JSON; expressions as texts. */
  json(token: TemplateToken): JsonValue {
    if (isMapping(token))
      return Object.fromEntries([...this.fields(token)].map(([key, value]) => [key, this.json(value)]));
    if (isSequence(token)) return [...token].map((item) => this.json(item));
    if (isBoolean(token) || isNumber(token)) return token.value;
    return isString(token) || isBasicExpression(token) ? this.text(token) : null;
  }

  boolean(token: TemplateToken): Templated | boolean {
    return isBoolean(token) ? token.value : this.text(token);
  }

  number(token: TemplateToken): Templated | number {
    return isNumber(token) ? token.value : this.text(token);
  }

  scalar(token: TemplateToken): Templated | number | boolean {
    return isBoolean(token) || isNumber(token) ? token.value : this.text(token);
  }

  /** The values of a mapping by key. An expression in a key's place is refused. */
  fields(token: TemplateToken | undefined): ReadonlyMap<string, TemplateToken> {
    if (token === undefined || isNull(token)) return NO_FIELDS;
    const known = this.#fields.get(token) ?? this.#readFields(token);
    this.#fields.set(token, known);
    return known;
  }

  #readFields(token: TemplateToken): ReadonlyMap<string, TemplateToken> {
    const fields = new Map<string, TemplateToken>();
    if (!isMapping(token)) return this.#unexpected(token, "a mapping", fields);
    for (const { key, value } of token) {
      if (isString(key)) fields.set(key.value, value);
      else this.problems.add("An expression is not supported in the place of a key", key);
    }
    return fields;
  }

  /** One text, or a list of them. */
  list(token: TemplateToken | undefined): readonly Templated[] {
    if (token === undefined || isNull(token)) return [];
    return isSequence(token) ? [...token].map((item) => this.text(item)) : [this.text(token)];
  }

  /** A mapping of texts; keys that the object of an expression gives stay an expression. */
  record(token: TemplateToken | undefined): Readonly<Record<string, Templated>> {
    return Object.fromEntries([...this.fields(token)].map(([key, value]) => [key, this.text(value)]));
  }

  env(token: TemplateToken | undefined): EnvBlock {
    return token !== undefined && isBasicExpression(token) ? this.text(token) : this.record(token);
  }

  /** An `if`, without its `${{ }}`. */
  condition(token: TemplateToken): Expression {
    const text = this.text(token);
    if (!text.includes("${" + "{")) return text.trim();
    const whole = wholeExpression(text);
    if (whole !== undefined) return whole;
    const hint = "The condition is always true: what stands beside its ${" + "{ }} makes a text of it";
    this.problems.add(hint, token, "warning");
    return asExpression(text);
  }

  position(token: TemplateToken): Position {
    return { line: token.line ?? 1, column: token.col ?? 1 };
  }

  #unexpected<T>(token: TemplateToken, wanted: string, fallback: T): T {
    this.problems.add(`Expected ${wanted}`, token);
    return fallback;
  }
}

export function isNull(token: TemplateToken): boolean {
  return token.typeName() === "NullToken";
}

/** Runs a check of the library; what it throws about a token is a problem. */
export function checked<T>(problems: Problems, token: TemplateToken, check: () => T): T | undefined {
  try {
    return check();
  } catch (error) {
    if (error instanceof TemplateTokenError) problems.add(error.message, error.token);
    else if (error instanceof Error) problems.add(error.message, token);
    else throw error;
    return undefined;
  }
}

export type { MappingToken, TemplateToken };
