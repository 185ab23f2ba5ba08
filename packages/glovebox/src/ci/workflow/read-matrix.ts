import { isMapping, isSequence } from "@actions/workflow-parser/templates/tokens/type-guards";
import type { JsonValue } from "../../engine/index.ts";
import type { Templated } from "../expressions/contexts.ts";
import { omitUndefined } from "./omit-undefined.ts";
import type { TemplateToken, TokenReader } from "./token-reader.ts";
import type { MatrixTemplate, Strategy } from "./workflow.ts";

export function readStrategy(tokens: TokenReader, token: TemplateToken): Strategy | undefined {
  if (!isMapping(token)) {
    tokens.problems.add("An expression for the whole of 'strategy' is not supported: use one for its 'matrix'", token);
    return undefined;
  }
  const fields = tokens.fields(token);
  const matrix = fields.get("matrix");
  const failFast = fields.get("fail-fast");
  const maxParallel = fields.get("max-parallel");
  return {
    failFast: failFast === undefined ? true : tokens.boolean(failFast),
    ...omitUndefined({
      matrix: matrix && readMatrix(tokens, matrix),
      maxParallel: maxParallel && tokens.number(maxParallel),
    }),
  };
}

function readMatrix(tokens: TokenReader, token: TemplateToken): MatrixTemplate {
  if (!isMapping(token)) return tokens.text(token);
  const fields = tokens.fields(token);
  const include = readItems(tokens, fields.get("include"));
  const exclude = readItems(tokens, fields.get("exclude"));
  const named = [...fields].filter(([name]) => name !== "include" && name !== "exclude");
  const vectors = Object.fromEntries(named.map(([name, value]) => [name, readVector(tokens, name, value)]));
  if (Object.keys(vectors).length === 0 && !fields.has("include"))
    tokens.problems.add("Matrix must define at least one vector", token);
  return { vectors, include, exclude };
}

function readVector(tokens: TokenReader, name: string, token: TemplateToken): Templated | readonly JsonValue[] {
  if (!isSequence(token)) return tokens.text(token);
  if (token.count === 0) tokens.problems.add(`Matrix vector '${name}' does not contain any values`, token);
  return [...token].map((item) => tokens.json(item));
}

type Items = Templated | readonly Readonly<Record<string, JsonValue>>[];

function readItems(tokens: TokenReader, token: TemplateToken | undefined): Items {
  if (token === undefined) return [];
  if (!isSequence(token)) return tokens.text(token);
  return [...token].filter(isMapping).map((item) => tokens.json(item) as Readonly<Record<string, JsonValue>>);
}
