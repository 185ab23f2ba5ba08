const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = [91, 123];
const CLOSE = [93, 125];

/** Whether the brackets of JSON text, outside its strings, are at most `max` deep. Asked before parsing, in one pass. */
export function nestsWithin(text: string, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (OPEN[0] === code || OPEN[1] === code) {
      if (++depth > max) return false;
    } else if (CLOSE[0] === code || CLOSE[1] === code) depth--;
  }
  return true;
}

/** A JSON value whose strings have no lone surrogates, which neither UTF-8 nor a database can hold. */
export function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]));
}
