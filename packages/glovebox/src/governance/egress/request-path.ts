/** A request's path in its one spelling, or why it has none. */
export type NormalPath = { readonly path: string } | { readonly ambiguous: string };

const UNRESERVED = /[A-Za-z0-9._~-]/;
const MAX_PATH = 8192;

/**
 * The form in which paths are compared with rules: escapes of unreserved characters decoded, other escapes in upper case. What servers read in different
 * ways has no such form: dot segments (also escaped), empty segments, escaped slashes, backslashes, control characters or percent signs, path parameters
 * on dot segments, bytes that a URL may not hold. `raw` is without its query and begins with `/`.
 */
export function normalizePath(raw: string): NormalPath {
  if (!raw.startsWith("/")) return { ambiguous: "does not begin with a slash" };
  if (raw.length > MAX_PATH) return { ambiguous: "longer than 8 KiB" };
  if (!/^[\x21-\x7e]*$/.test(raw) || /["<>\\^`{|}#?]/.test(raw))
    return { ambiguous: "characters that must be escaped" };
  let broken: string | undefined;
  const path = raw.replace(/%(..)?/g, (escaped, hex: string | undefined) => {
    if (hex === undefined || !/^[0-9a-fA-F]{2}$/.test(hex)) broken = "a percent sign that begins no escape";
    const code = Number.parseInt(hex ?? "", 16);
    if (code === 0x2f || code === 0x5c) broken ??= "an escaped slash";
    if (code === 0x25) broken ??= "an escaped percent sign";
    if (code < 0x20 || code === 0x7f) broken ??= "an escaped control character";
    const character = String.fromCharCode(code);
    return UNRESERVED.test(character) ? character : escaped.toUpperCase();
  });
  if (broken !== undefined) return { ambiguous: broken };
  const segments = path.slice(1).split("/");
  if (segments.some((segment) => /^\.{1,2}(?:;|%3B|$)/.test(segment))) return { ambiguous: "a dot segment" };
  if (segments.slice(0, -1).some((segment) => segment === "")) return { ambiguous: "an empty segment" };
  return { path };
}
