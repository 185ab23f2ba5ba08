import { GloveboxError } from "./errors.ts";

/**
 * A path under `/v1` from its segments, each encoded. A segment that a URL parser would swallow (`.`, `..`, empty)
 * gives `invalid_argument`: an id from outside must never reach another resource.
 */
export function urlPath(...segments: readonly string[]): string {
  let path = "/v1";
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === "..") {
      throw new GloveboxError("invalid_argument", `not an id or a name: ${JSON.stringify(segment)}`);
    }
    path += `/${encodeURIComponent(segment)}`;
  }
  return path;
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** `?a=1&b=2`, or nothing. Lists are repeated (`a=1&a=2`); what is undefined is left out. */
export function queryString(query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === "object") for (const item of value) params.append(name, item);
    else params.append(name, String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}
