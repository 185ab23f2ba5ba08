import { GloveboxError } from "../../core/index.ts";

/** What a piece of a pattern takes: one character for which `takes` is true, as often as `repeat` says. */
interface Piece {
  readonly takes: (character: string) => boolean;
  readonly repeat: "once" | "optional" | "many" | "some";
}

/** A pattern that can be held against names. */
export interface Pattern {
  readonly negative: boolean;
  matches(name: string): boolean;
}

const MAX_PATTERN_LENGTH = 1024;

/**
 * A filter pattern of GitHub: `*` any but a slash, `**` any, `?` none or one of the preceding, `+` one or more of it, `[]` one of a set,
 * a leading `!` negates, `\` takes the next character as it is. `**` + `/` also takes nothing, so that a pattern for any folder takes the top one.
 * Matching takes time in proportion to pattern and name, whatever they are. `invalid_argument` for one that cannot be read.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
 */
export function compilePattern(text: string): Pattern {
  if (text.length > MAX_PATTERN_LENGTH) throw unreadable(text, `longer than ${MAX_PATTERN_LENGTH} characters`);
  const negative = text.startsWith("!");
  const parts = partsOf(negative ? text.slice(1) : text);
  return { negative, matches: (name) => match(parts, name) };
}

/** A place where a pattern can go on right there, or `skip` places further: before a `**` + `/`. */
interface Fork {
  readonly skip: number;
}

type Part = Piece | Fork;

function unreadable(pattern: string, why: string): GloveboxError {
  return new GloveboxError("invalid_argument", `The pattern '${pattern.slice(0, 100)}' cannot be read: ${why}`);
}

function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    const previous = parts.at(-1);
    if (character === "*") {
      const double = text[at + 1] === "*";
      if (double) at += 1;
      const startsFolder = at - 1 <= 0 || text[at - 2] === "/";
      if (double && startsFolder && text[at + 1] === "/") {
        parts.push({ skip: 3 }, { takes: any, repeat: "many" }, { takes: isSlash, repeat: "once" });
        at += 1;
      } else parts.push({ takes: double ? any : notSlash, repeat: "many" });
    } else if (character === "?" || character === "+") {
      if (previous === undefined || "skip" in previous || previous.repeat !== "once")
        throw unreadable(text, `nothing before '${character}'`);
      parts[parts.length - 1] = { takes: previous.takes, repeat: character === "?" ? "optional" : "some" };
    } else if (character === "[") {
      const end = text.indexOf("]", at);
      if (end < 0) throw unreadable(text, "'[' is not closed");
      parts.push({ takes: setOf(text, text.slice(at + 1, end)), repeat: "once" });
      at = end;
    } else {
      if (character === "\\") at += 1;
      const literal = text[at];
      if (literal === undefined) throw unreadable(text, "nothing after '\\'");
      parts.push({ takes: (given) => given === literal, repeat: "once" });
    }
  }
  return parts;
}

const any = () => true;
const isSlash = (character: string) => character === "/";
const notSlash = (character: string) => character !== "/";

/** One alphanumeric character out of those listed; ranges within a-z, A-Z and 0-9. */
function setOf(pattern: string, body: string): (character: string) => boolean {
  if (body === "") throw unreadable(pattern, "'[]' names no character");
  const taken = new Set<string>();
  for (let at = 0; at < body.length; at++) {
    const [from = "", dash, to] = body.slice(at, at + 3);
    if (dash !== "-" || to === undefined) {
      taken.add(from);
      continue;
    }
    if (!/^([a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9])$/.test(`${from}-${to}`) || from > to)
      throw unreadable(pattern, `the range '${from}-${to}'`);
    for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code++) taken.add(String.fromCharCode(code));
    at += 2;
  }
  return (character) => taken.has(character);
}

/** All places in the pattern that can be reached are followed at once, so that no name makes it go back. */
function match(parts: readonly Part[], name: string): boolean {
  let places = new Uint8Array(parts.length + 1);
  let next = new Uint8Array(parts.length + 1);
  reach(parts, 0, places);
  for (const character of name) {
    next.fill(0);
    let alive = false;
    for (let place = 0; place < parts.length; place++) {
      if (places[place] === 1 && advance(parts, place, character, next)) alive = true;
    }
    if (!alive) return false;
    [places, next] = [next, places];
  }
  return places[parts.length] === 1;
}

/** Marks `place`, and what can be reached from it without a character. */
function reach(parts: readonly Part[], place: number, places: Uint8Array): void {
  for (let at = place; places[at] === 0; at++) {
    places[at] = 1;
    const part = parts[at];
    if (part === undefined) return;
    if ("skip" in part) reach(parts, at + part.skip, places);
    else if (part.repeat !== "optional" && part.repeat !== "many") return;
  }
}

/** Marks the places that follow `place` when the name's next character is `character`; whether there are any. */
function advance(parts: readonly Part[], place: number, character: string, next: Uint8Array): boolean {
  const part = parts[place];
  if (part === undefined || "skip" in part || !part.takes(character)) return false;
  if (part.repeat === "many" || part.repeat === "some") reach(parts, place, next);
  if (part.repeat !== "many") reach(parts, place + 1, next);
  return true;
}
