import { type Expr, Lexer, Parser } from "@actions/expressions";
import { ExpressionError } from "@actions/expressions/errors";
import type { FunctionInfo } from "@actions/expressions/funcs/info";
import { type Token, TokenType } from "@actions/expressions/lexer";
import { isGloveboxError } from "../../core/index.ts";
import { invalid } from "./invalid.ts";

/** GitHub's own bound. */
const MAX_LENGTH = 21_000;

/** The contexts of GitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/contexts */
export const CONTEXT_NAMES = [
  "github",
  "env",
  "vars",
  "secrets",
  "inputs",
  "matrix",
  "strategy",
  "needs",
  "steps",
  "job",
  "jobs",
  "runner",
] as const;

/** The functions which the library leaves to its user; the others (contains, format, …) it has. */
export const OUTSIDE_FUNCTIONS: readonly FunctionInfo[] = [
  { name: "success", minArgs: 0, maxArgs: 0 },
  { name: "failure", minArgs: 0, maxArgs: 0 },
  { name: "cancelled", minArgs: 0, maxArgs: 0 },
  { name: "always", minArgs: 0, maxArgs: 0 },
  { name: "hashFiles", minArgs: 1, maxArgs: 255 },
];

/**
 * The syntax tree of an expression (without `${{ }}`); undefined where it is empty. Depth is bounded by the library (50), length here.
 * `invalid_argument` with GitHub's words, and in `details` the position in the expression from 1.
 */
export function parseExpression(expression: string, names: readonly string[] = CONTEXT_NAMES): Expr | undefined {
  if (expression.length > MAX_LENGTH) throw invalid(`Exceeded max expression length ${MAX_LENGTH}`);
  try {
    const { tokens } = new Lexer(expression).lex();
    return new Parser(tokens.map(unescaped), [...names], [...OUTSIDE_FUNCTIONS]).parse();
  } catch (error) {
    throw toInvalid(error, expression);
  }
}

/** The library's lexer takes the first doubled quote of a text for a quote only; GitHub's runner takes each. */
function unescaped(token: Token): Token {
  if (token.type !== TokenType.STRING || token.lexeme.indexOf("''", 1) < 0) return token;
  return { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } as Token;
}

/** Any failure of reading or evaluating `expression`, as `invalid_argument` with its place. */
export function toInvalid(error: unknown, expression: string): Error {
  if (isGloveboxError(error)) return error;
  if (error instanceof RangeError) return invalid("The expression is nested too deeply, or its result is too large");
  const message = error instanceof Error ? error.message : String(error);
  const position =
    error instanceof ExpressionError ? offsetOf(error.pos, expression) : Number(/position (\d+)/.exec(message)?.[1]);
  if (!Number.isInteger(position)) return invalid(message, { expression });
  const located = message.includes("Located at position");
  return invalid(located ? message : `${message}. Located at position ${position} within expression: ${expression}`, {
    expression,
    position,
  });
}

function offsetOf(pos: { line: number; column: number }, expression: string): number {
  const before = expression.split("\n").slice(0, pos.line);
  return before.reduce((sum, line) => sum + line.length + 1, 0) + pos.column + 1;
}
