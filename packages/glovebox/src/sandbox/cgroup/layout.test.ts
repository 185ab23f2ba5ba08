import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectCgroups } from "./host.ts";
import { resolveLayout } from "./layout.ts";
import { parseMembership } from "./membership.ts";
import { parseMountinfo } from "./mountinfo.ts";

const GOLDEN = join(import.meta.dirname, "golden");

describe("the layout of cgroups", () => {
  for (const file of readdirSync(GOLDEN).filter((name) => name.endsWith(".json"))) {
    test(`is read as on a host of the kind ${file.replace(".json", "")}`, () => {
      const { mountinfo, cgroup, expected } = JSON.parse(readFileSync(join(GOLDEN, file), "utf8"));
      expect(resolveLayout(parseMountinfo(mountinfo), parseMembership(cgroup))).toEqual(expected);
    });
  }

  test("takes any text without failing, and never leads out of a mount", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("0::/../x", "4:memory:/a", "1 2 0:3 / /m rw - cgroup c rw,memory"),
    );
    const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (mountinfo, cgroup) => {
        for (const place of resolveLayout(parseMountinfo(mountinfo), parseMembership(cgroup))) {
          expect(place.ownDir.startsWith(place.mountPoint)).toBe(true);
          expect(place.ownDir.slice(place.mountPoint.length).split("/")).not.toContain("..");
        }
      }),
    );
  });

  test("without any hierarchy every controller is missing, with a reason", () => {
    const { parents, missing } = detectCgroups("", "");
    expect(parents).toEqual([]);
    expect(Object.keys(missing).sort()).toEqual(["cpu", "freezer", "memory", "pids"]);
    expect(missing.memory).toContain("mounted");
  });

  test("a hierarchy that is mounted read-only is not ours, and said so", () => {
    const golden = JSON.parse(readFileSync(join(GOLDEN, "v2-container-private-namespace.json"), "utf8"));
    expect(detectCgroups(golden.mountinfo, golden.cgroup).missing.memory).toContain("read-only");
  });
});
