import type { SyntaxNode } from "../../../../syntax/index.ts";
import type { CodeLanguage } from "../../../code/code-file.ts";
import type { Edit } from "../mutation.ts";
import { type Binary, binaryOf } from "../view.ts";
import { doesNothing } from "./does-nothing.ts";
import { type Operator, operand } from "./site.ts";

/** What people write one for the other, likeliest first. */
const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">", ">="],
  "<=": ["<", ">=", ">"],
  ">": [">=", "<", "<="],
  ">=": [">", "<=", "<"],
  "==": ["!=", "<=", ">="],
  "!=": ["=="],
  "===": ["!==", "<=", ">="],
  "!==": ["==="],
  in: ["not in"],
  "not in": ["in"],
  is: ["is not"],
  "is not": ["is"],
};

const ARITHMETIC: Readonly<Record<string, readonly string[]>> = {
  "+": ["-", "*"],
  "-": ["+", "*"],
  "*": ["+", "/", "**", "-"],
  "/": ["*", "%", "//"],
  "//": ["/", "%", "*"],
  "%": ["//", "/", "*"],
  "**": ["*"],
  "&": ["|", "^"],
  "|": ["&", "^"],
  "^": ["|", "&"],
  "<<": [">>"],
  ">>": ["<<"],
};

const LOGIC: Readonly<Record<string, readonly string[]>> = {
  and: ["or"],
  or: ["and"],
  "&&": ["||"],
  "||": ["&&", "??"],
  "??": ["||"],
};

const TABLES = { comparison: COMPARISONS, arithmetic: ARITHMETIC, logic: LOGIC } as const;
const CANNOT_TURN = new Set(["+", "*", "&", "|", "^", "==", "!=", "===", "!==", "and", "or", "&&", "||"]);

function exists(operator: string, language: CodeLanguage): boolean {
  return operator !== "//" || language === "python";
}

/** Another operator between the same operands, or the operands turned. */
export const operations: Operator = function* ({ node, language }) {
  const binary = binaryOf(node);
  if (binary === undefined) {
    yield* augmented(node, language);
    return;
  }
  const { operator, at, family } = binary;
  for (const [rank, other] of (TABLES[family][operator] ?? []).entries()) {
    if (!exists(other, language) || doesNothing(binary.left.text, other, binary.right.text)) continue;
    yield { kind: family, start: at[0], end: at[1], text: other, weight: rank === 0 ? 1 : 0.7 };
  }
  if (family === "arithmetic" && !CANNOT_TURN.has(operator)) yield turned(binary);
};

function turned({ left, right, operator }: Binary): Edit {
  const text = `${operand(right)} ${operator} ${operand(left)}`;
  return { kind: "arithmetic", start: left.start, end: right.end, text, weight: 0.5 };
}

/** `+=` and the like. */
function* augmented(node: SyntaxNode, language: CodeLanguage): Generator<Edit> {
  if (!node.type.startsWith("augmented_assignment")) return;
  const sign = node.children.find(({ field }) => field === "operator");
  if (sign === undefined) return;
  const right = node.children.at(-1)?.text ?? "";
  for (const other of ARITHMETIC[sign.text.slice(0, -1)] ?? []) {
    if (exists(other, language) && !doesNothing("", other, right))
      yield { kind: "arithmetic", start: sign.start, end: sign.end, text: `${other}=`, weight: 0.9 };
  }
  yield { kind: "update", start: sign.start, end: sign.end, text: "=", weight: 0.5 };
}
