/** One line of `/proc/<pid>/cgroup`: the hierarchy's controllers (none for v2) and the process's path in it. */
export interface Membership {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly path: string;
}

/** Parses `/proc/self/cgroup` (cgroups(7)). A path may hold colons. Lines that are not of its form are skipped. */
export function parseMembership(text: string): Membership[] {
  const memberships: Membership[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (!match) continue;
    const [, hierarchy, names = "", path = "/"] = match;
    const isV2 = hierarchy === "0" && names === "";
    memberships.push({ version: isV2 ? 2 : 1, controllers: isV2 ? [] : names.split(","), path });
  }
  return memberships;
}
