import type { Permissions } from "./workflow.ts";

const LEVELS = ["none", "read", "write"] as const;
type Level = (typeof LEVELS)[number];

/**
 * What a called workflow's job may: what it asks for, held to what its caller may. Undefined on either side: no word about it.
 * Source: https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows#supported-keywords-for-jobs-that-call-a-reusable-workflow
 * ("the GITHUB_TOKEN permissions can be only downgraded (not elevated) by the called workflow")
 */
export function narrowPermissions(
  allowed: Permissions | undefined,
  asked: Permissions | undefined,
): Permissions | undefined {
  if (allowed === undefined) return asked;
  if (asked === undefined || asked === "write-all") return allowed;
  if (allowed === "write-all") return asked;
  if (asked === "read-all")
    return allowed === "read-all" ? allowed : mapLevels(allowed, (level) => lower(level, "read"));
  return mapLevels(asked, (level, scope) => lower(level, allowed === "read-all" ? "read" : (allowed[scope] ?? "none")));
}

function mapLevels(
  scopes: Readonly<Record<string, Level>>,
  change: (level: Level, scope: string) => Level,
): Permissions {
  return Object.fromEntries(Object.entries(scopes).map(([scope, level]) => [scope, change(level, scope)]));
}

function lower(a: Level, b: Level): Level {
  return LEVELS.indexOf(a) < LEVELS.indexOf(b) ? a : b;
}
