import { type Operator, replace } from "./site.ts";

const MAX_OTHERS = 4;
/** What separates and fills: the texts that are taken for each other most. */
const COMMON = [" ", "", ",", "-"];

/** Another text in place of one: of the file, of the failures, or a usual one. */
export const texts: Operator = function* ({ node, names, hints }) {
  if (node.type !== "string" || node.text.length > 60 || node.parent?.type === "expression_statement") return;
  if (/^[a-z]*("""|''')/i.test(node.text) || !/^["']/.test(node.text)) return;
  const quote = node.text.charAt(0);
  const own = names
    .literals("string")
    .filter((text) => text.length <= 60 && !/^[a-z]*("""|''')/i.test(text))
    .slice(0, MAX_OTHERS);
  const told = hints.texts.slice(0, MAX_OTHERS).map((text) => quote + text + quote);
  const usual = COMMON.map((text) => quote + text + quote);
  const isShort = node.text.length <= 4;
  for (const text of new Set([...(isShort ? usual : []), ...told, ...own])) {
    if (text !== node.text) yield replace("constant", node, text, isShort ? 0.6 : 0.4);
  }
};
