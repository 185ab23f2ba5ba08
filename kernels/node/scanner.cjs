"use strict";
/**
 * The tokens of JavaScript, as far as telling code from strings, comments, templates and regular expressions takes:
 * words, punctuation one character at a time, and literals. Never throws; what is not JavaScript gives odd tokens.
 */
const WORD = /[\p{ID_Start}$_#\\][\p{ID_Continue}$\\]*/uy;
const NUMBER = /(?:\d|\.\d)(?:[eE][+-]|[\w.])*/y;
const SPACE = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))+/y;
const STRING = /'(?:[^'\\\n]|\\[\s\S])*(?:'|$|(?=\n))|"(?:[^"\\\n]|\\[\s\S])*(?:"|$|(?=\n))/y;
const REGEX = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const TEMPLATE = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(`|\$\{|$)/y;

/** Words after which a `/` begins a regular expression. */
const BEFORE_REGEX = new Set(
  "return typeof instanceof in of new delete void throw case do else await yield default".split(" "),
);

/** `depth` counts the brackets around a token. */
function tokens(code) {
  const found = [];
  const brackets = [];
  let at = 0;
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(code);
  };
  const add = (type, end) => {
    found.push({ type, text: code.slice(at, end), start: at, end, depth: brackets.length });
    at = end;
  };
  const template = () => {
    const start = at;
    at += 1;
    const part = match(TEMPLATE);
    at = start;
    add("template", start + 1 + (part?.[0].length ?? 0));
    if (part?.[1] === "${") brackets.push("${");
  };
  while (at < code.length) {
    const space = match(SPACE);
    if (space !== null && space[0].length > 0) {
      at += space[0].length;
      continue;
    }
    const char = code[at];
    const last = found[found.length - 1];
    if (char === "`") template();
    else if (char === "}" && brackets[brackets.length - 1] === "${") {
      brackets.pop();
      template();
    } else if (char === "'" || char === '"') add("string", at + Math.max(1, match(STRING)?.[0].length ?? 1));
    else if (char === "/" && regexMayFollow(last) && match(REGEX) !== null) add("regex", at + match(REGEX)[0].length);
    else if (match(NUMBER) !== null) add("number", at + match(NUMBER)[0].length);
    else if (match(WORD) !== null) add("word", at + match(WORD)[0].length);
    else {
      if (")]}".includes(char)) brackets.pop();
      add("punctuation", at + 1);
      if ("([{".includes(char)) brackets.push(char);
    }
  }
  return found;
}

function regexMayFollow(last) {
  if (last === undefined) return true;
  if (last.type === "word") return BEFORE_REGEX.has(last.text);
  if (last.type === "punctuation") return !")]}".includes(last.text);
  return last.type === "template" && last.text.endsWith("${");
}

module.exports = { tokens };
