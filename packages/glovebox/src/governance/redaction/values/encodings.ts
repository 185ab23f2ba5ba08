/** Ways in which programs and protocols write a value out. Each gives one text, which may be the value itself. */

/** The value as it stands in a text, without the line breaks in it: those are passed over wherever it is looked for. */
export function encodingsOf(value: string): ReadonlySet<string> {
  const bytes = Buffer.from(value, "utf8");
  const texts = new Set([
    value,
    // Bytes that were taken for Latin-1.
    bytes.toString("latin1"),
    ...jsonEscaped(value),
    ...percentEncoded(value, bytes),
    ...base64Encoded(bytes),
  ]);
  return new Set([...texts].map((text) => text.replaceAll(/[\r\n]/g, "")));
}

/** As within a JSON string, and within one in another; with what is not ASCII written out or not, and `/` escaped or not. */
function jsonEscaped(value: string): string[] {
  const once = inJson(value);
  const ascii = once.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [once, ascii, once.replaceAll("/", "\\/"), inJson(once), inJson(ascii)];
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/**
 * What is left as it is differs: RFC 3986's unreserved characters; those of `encodeURIComponent` too; `/` too, as Python's `quote` has it;
 * forms write a blank as `+`. The hexadecimal digits come in either case.
 */
function percentEncoded(value: string, bytes: Buffer): string[] {
  const strict = percent(bytes, /[A-Za-z0-9._~-]/);
  const component = percent(bytes, /[A-Za-z0-9._~!'()*-]/);
  const texts = [
    strict,
    component,
    percent(bytes, /[A-Za-z0-9._~/-]/),
    percent(bytes, /[A-Za-z0-9._*-]/).replaceAll("%20", "+"),
    strict.replaceAll("%20", "+"),
    // Escaped only where a URL could not be read otherwise.
    percent(Buffer.from(value, "utf8"), /[A-Za-z0-9._~!'()*;,/?:@&=+$-]/),
  ];
  return texts.flatMap((text) => [text, text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

function percent(bytes: Buffer, kept: RegExp): string {
  let text = "";
  for (const byte of bytes) {
    const letter = String.fromCharCode(byte);
    text += byte < 128 && kept.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/**
 * Base64 and base64url of the value where it begins at any of the three places within a group of three bytes. Only the characters that
 * come from the value alone: those at either end that share bits with a neighbour (at most four bits of the value each) are left out.
 */
function base64Encoded(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(2)]).toString("base64");
    const inner = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    const inUrl = inner.replaceAll("+", "%2B").replaceAll("/", "%2F");
    texts.push(inner, inner.replaceAll("+", "-").replaceAll("/", "_"));
    texts.push(inUrl, inUrl.replaceAll("%2B", "%2b").replaceAll("%2F", "%2f"), inner.replaceAll("/", "\\/"));
  }
  return texts;
}
