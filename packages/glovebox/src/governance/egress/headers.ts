/** Headers as they were sent: names and values in turn, duplicates and case kept. */
export type HeaderPair = readonly [name: string, value: string];

/** RFC 9110, 7.6.1, and what proxies are told. `expect` is answered here; trailers are not carried. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "http2-settings",
]);

/** From Node's flat list; HTTP/2's pseudo-headers are left out. */
export function toPairs(raw: readonly string[]): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (!name.startsWith(":")) pairs.push([name, raw[i + 1] ?? ""]);
  }
  return pairs;
}

/** All values of a header; `name` in lower case. */
export function valuesOf(pairs: readonly HeaderPair[], name: string): string[] {
  return pairs.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

export function without(pairs: readonly HeaderPair[], ...names: readonly string[]): HeaderPair[] {
  return pairs.filter(([name]) => !names.includes(name.toLowerCase()));
}

/** Without what concerns one connection only, whatever `Connection` names included. */
export function endToEnd(pairs: readonly HeaderPair[]): HeaderPair[] {
  const named = valuesOf(pairs, "connection").flatMap((value) => value.toLowerCase().split(","));
  const dropped = new Set(named.map((name) => name.trim()));
  return pairs.filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()) && !dropped.has(name.toLowerCase()));
}

/** HTTP/2 clients split cookies (RFC 9113, 8.2.3); HTTP/1.1 has one header. */
export function joinCookies(pairs: readonly HeaderPair[]): HeaderPair[] {
  const cookies = valuesOf(pairs, "cookie");
  return cookies.length < 2 ? [...pairs] : [...without(pairs, "cookie"), ["cookie", cookies.join("; ")]];
}

/** The encodings of a body in the order in which they were applied, `identity` left out. */
export function contentEncodings(pairs: readonly HeaderPair[]): string[] {
  const list = valuesOf(pairs, "content-encoding").flatMap((value) => value.toLowerCase().split(","));
  return list.map((name) => name.trim()).filter((name) => name !== "" && name !== "identity");
}
