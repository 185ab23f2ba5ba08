/** The ways in which a text may stand in a request or an answer, besides itself. */

/** `text` as it stands in URLs and forms, by the habits of JavaScript, Python and curl; hexadecimal digits in either case. */
export function urlSpellings(text: string): readonly string[] {
  const component = encodeURIComponent(text.toWellFormed());
  const strict = component.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const forms = [
    component,
    strict,
    strict.replaceAll("%20", "+"),
    strict.replaceAll("%2F", "/"),
    strict.replaceAll("~", "%7E"),
  ];
  const lower = forms.map((form) => form.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()));
  return unique([...forms, ...lower]);
}

/** `text` within a JSON string. */
export function jsonSpelling(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/**
 * What of `text` is certain to stand in a base64 text that holds it, at each of the three alignments, in both alphabets. Less than six characters say
 * too little and are left out.
 */
export function base64Spellings(text: string): readonly string[] {
  const bytes = Buffer.from(text, "utf8");
  const cores = [0, 1, 2].map((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
    const encoded = padded.toString("base64").replace(/=+$/, "");
    // The first characters hold bits of what stands before, the last one bits of what comes after.
    const from = Math.ceil((shift * 8) / 6);
    const to = Math.floor((padded.length * 8) / 6);
    return encoded.slice(from, to);
  });
  const url = cores.map((core) => core.replaceAll("+", "-").replaceAll("/", "_"));
  return unique([...cores, ...url]).filter((core) => core.length >= 6);
}

export function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
