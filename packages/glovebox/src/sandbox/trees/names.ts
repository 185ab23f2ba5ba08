const SAFE_FIRST = 0x21;
const SAFE_LAST = 0x7e;
const PERCENT = 0x25;

/** A path as a client writes it (`%xx` stands for a byte, other text for itself) to the escaped names of a list. `undefined` when it leads out. */
export function escapedNames(path: string): string[] | undefined {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return names.includes("..") ? undefined : names.map((name) => escapeBytes(bytesOf(name)));
}

/** An escaped name as clients see it: text where it is UTF-8, `%25` for `%`, else `%xx` for each byte that is not printable ASCII. */
export function shownName(escaped: string): string {
  if (!escaped.includes("%")) return escaped;
  const bytes = bytesOf(escaped);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replaceAll("%", "%25");
  } catch {
    return escaped;
  }
}

function bytesOf(text: string): Buffer {
  const parts = text.split(/(%[0-9a-fA-F]{2})/).filter((part) => part !== "");
  return Buffer.concat(
    parts.map((part) => (/^%[0-9a-fA-F]{2}$/.test(part) ? Buffer.from(part.slice(1), "hex") : Buffer.from(part))),
  );
}

function escapeBytes(bytes: Buffer): string {
  return [...bytes]
    .map((byte) =>
      byte < SAFE_FIRST || byte > SAFE_LAST || byte === PERCENT
        ? `%${byte.toString(16).padStart(2, "0")}`
        : String.fromCharCode(byte),
    )
    .join("");
}
