import { Expression, ExpressionProblem, type Scope } from "./expressions.ts";

/** JSON whose texts may have `${{ … }}` in them. */
export type Template =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "expression"; readonly expression: Expression }
  | { readonly kind: "text"; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: "list"; readonly items: readonly Template[] }
  | { readonly kind: "object"; readonly fields: readonly (readonly [string, Template])[] };

/** Where in the value a problem is. */
export type OnProblem = (path: readonly (string | number)[], problem: ExpressionProblem) => void;

/** Reads a value; what is wrong is told, and left out. */
export function readTemplate(value: unknown, onProblem: OnProblem, path: readonly (string | number)[] = []): Template {
  if (typeof value === "string") return readText(value, (problem) => onProblem(path, problem));
  if (Array.isArray(value)) {
    const items = value.map((item, index) => readTemplate(item, onProblem, [...path, index]));
    return items.every(isFixed) ? { kind: "value", value } : { kind: "list", items };
  }
  if (typeof value !== "object" || value === null) return { kind: "value", value };
  const fields = Object.entries(value).map(
    ([key, item]) => [key, readTemplate(item, onProblem, [...path, key])] as const,
  );
  return fields.every(([, item]) => isFixed(item)) ? { kind: "value", value } : { kind: "object", fields };
}

function readText(text: string, onProblem: (problem: ExpressionProblem) => void): Template {
  const parts: (string | Expression)[] = [];
  let at = 0;
  for (let open = text.indexOf("${{"); open !== -1; open = text.indexOf("${{", at)) {
    const close = text.indexOf("}}", open);
    if (close === -1) {
      onProblem(new ExpressionProblem("the mark before this has no }} after it", open));
      break;
    }
    if (open > at) parts.push(text.slice(at, open));
    at = close + 2;
    const inner = text.slice(open + 3, close);
    try {
      parts.push(new Expression(inner.trim()));
    } catch (error) {
      if (!(error instanceof ExpressionProblem)) throw error;
      const start = open + 3 + (inner.length - inner.trimStart().length);
      onProblem(new ExpressionProblem(error.message, start + error.offset));
    }
  }
  if (at === 0) return { kind: "value", value: text };
  if (at < text.length) parts.push(text.slice(at));
  const [only] = parts;
  if (parts.length === 1 && only instanceof Expression) return { kind: "expression", expression: only };
  return { kind: "text", parts };
}

function isFixed(template: Template): boolean {
  return template.kind === "value";
}

/** The value, each expression computed. Within a text what is no text is JSON. */
export function fillTemplate(template: Template, scope: Scope): unknown {
  switch (template.kind) {
    case "value":
      return template.value;
    case "expression":
      return template.expression.evaluate(scope);
    case "text":
      return template.parts.map((part) => (typeof part === "string" ? part : textOf(part.evaluate(scope)))).join("");
    case "list":
      return template.items.map((item) => fillTemplate(item, scope));
    case "object":
      return Object.fromEntries(template.fields.map(([key, item]) => [key, fillTemplate(item, scope)]));
  }
}

/** A text as it is written. */
export function templateText(template: Template): string {
  const parts =
    template.kind === "text" ? template.parts : template.kind === "expression" ? [template.expression] : undefined;
  if (parts === undefined) return template.kind === "value" ? textOf(template.value) : "";
  return parts.map((part) => (typeof part === "string" ? part : `\${{ ${part.text} }}`)).join("");
}

/** Every expression in it. */
export function expressionsOf(template: Template): readonly Expression[] {
  switch (template.kind) {
    case "value":
      return [];
    case "expression":
      return [template.expression];
    case "text":
      return template.parts.filter((part) => part instanceof Expression);
    case "list":
      return template.items.flatMap(expressionsOf);
    case "object":
      return template.fields.flatMap(([, item]) => expressionsOf(item));
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
