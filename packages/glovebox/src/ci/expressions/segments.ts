import type { Expression, Templated } from "./contexts.ts";
import { invalid } from "./invalid.ts";

/** A piece of a text: as it stands, or an expression with the offset of its `${{`. */
export type Segment =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "expression"; readonly expression: Expression; readonly offset: number };

const OPEN = "$" + "{{";
const CLOSE = "}}";

/** Takes `text` apart at its `${{ }}`. A `}}` inside of quotes does not close. `invalid_argument` for one that is not closed. */
export function segmentsOf(text: Templated): readonly Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  for (let open = text.indexOf(OPEN); open >= 0; open = text.indexOf(OPEN, from)) {
    if (open > from) segments.push({ kind: "text", text: text.slice(from, open) });
    const close = closeOf(text, open + OPEN.length);
    segments.push({ kind: "expression", expression: text.slice(open + OPEN.length, close).trim(), offset: open });
    from = close + CLOSE.length;
  }
  if (from < text.length) segments.push({ kind: "text", text: text.slice(from) });
  return segments;
}

function closeOf(text: string, from: number): number {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "'") quoted = !quoted;
    else if (!quoted && text.startsWith(CLOSE, at)) return at;
  }
  throw invalid(`The expression is not closed: an unescaped ${OPEN} was found, but not its ${CLOSE}`, {
    position: from - 2,
  });
}

/** The one expression that `text` consists of; undefined where there is anything beside it. */
export function wholeExpression(text: Templated): Expression | undefined {
  if (!text.startsWith(OPEN)) return undefined;
  const [first, ...others] = segmentsOf(text);
  return others.length === 0 && first?.kind === "expression" ? first.expression : undefined;
}

/** An expression with the same value as `text`: what GitHub makes of a condition that holds `${{ }}` among other text. */
export function asExpression(text: Templated): Expression {
  const args: string[] = [];
  const template = segmentsOf(text).map((segment) => {
    if (segment.kind === "expression") return `{${args.push(segment.expression) - 1}}`;
    return segment.text.replaceAll("'", "''").replaceAll("{", "{{").replaceAll("}", "}}");
  });
  return `format('${template.join("")}'${args.map((arg) => `, ${arg}`).join("")})`;
}
