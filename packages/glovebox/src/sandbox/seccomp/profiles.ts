import { ALLOWED_CALLS, HOSTILE_CALLS } from "./allowed-calls.ts";
import { CHECKED_CALLS, USER_CHECKED_CALLS } from "./checked-calls.ts";
import type { Profile } from "./compile-filter.ts";
import { ALLOW, KILL, REFUSE, type Rule, UNKNOWN } from "./rule.ts";

/**
 * - `agent`: loaded by bwrap before the agent starts, and so under everything. Refuses, never kills: the agent lives.
 * - `user`: installed by the agent in all that it starts.
 * - `user-uncounted`: the same where no cgroup counts memory: without calls that take memory outside any process,
 *   which the agent's watchdog would not see.
 */
export type ProfileName = "agent" | "user" | "user-uncounted";

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  agent: makeProfile({ hostile: REFUSE, without: [], checked: {} }),
  user: makeProfile({ hostile: KILL, without: [], checked: USER_CHECKED_CALLS }),
  "user-uncounted": makeProfile({
    hostile: KILL,
    without: words(ALLOWED_CALLS.sharedMemory ?? ""),
    checked: USER_CHECKED_CALLS,
  }),
};

function makeProfile(choice: {
  hostile: Rule;
  without: readonly string[];
  checked: Readonly<Record<string, Rule>>;
}): Profile {
  const rules = new Map<string, Rule>();
  for (const names of Object.values(ALLOWED_CALLS)) for (const name of words(names)) rules.set(name, ALLOW);
  for (const name of choice.without) rules.set(name, REFUSE);
  for (const name of words(HOSTILE_CALLS)) rules.set(name, choice.hostile);
  for (const [name, rule] of Object.entries({ ...CHECKED_CALLS, ...choice.checked })) rules.set(name, rule);
  // Its flags are in memory, where a filter cannot look; libraries fall back to clone(2).
  rules.set("clone3", UNKNOWN);
  return { rules, otherwise: REFUSE };
}

function words(text: string): string[] {
  return text.split(" ").filter(Boolean);
}
