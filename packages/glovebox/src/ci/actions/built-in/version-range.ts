import { coerce, satisfies, valid, validRange } from "semver";

/** Whether a version is one of those that a setup action's input asks for: `20`, `20.x`, `^18.2`, `>=3.9`, `3.11`. */
export function isInRange(version: string, range: string): boolean {
  const full = valid(version) ?? coerce(version)?.version;
  const asked = validRange(range.trim().replace(/^v/, ""));
  return full !== undefined && asked !== null && satisfies(full, asked, { includePrerelease: true });
}
