import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keepProbe, keptProbe } from "./kept-probe.ts";

test("what was seen of a machine counts for the same versions only, and damage is as if nothing had been seen", async () => {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-probe-"));
  try {
    const seen = { startMs: 12.5, versions: { python: "Python 3.11.2" }, notes: ["emulated"] };
    expect(await keptProbe(dir, "these")).toBeUndefined();
    await keepProbe(join(dir, "made", "here"), "these", seen);
    expect(await keptProbe(join(dir, "made", "here"), "these")).toEqual(seen);
    expect(await keptProbe(join(dir, "made", "here"), "others")).toBeUndefined();
    for (const text of ["", "null", "{", '{"about":"these"}', '{"about":"these","startMs":"1","notes":[]}', "[]"]) {
      await writeFile(join(dir, "probe.json"), text);
      expect(await keptProbe(dir, "these"), text).toBeUndefined();
    }
    await writeFile(
      join(dir, "probe.json"),
      '{"about":"these","startMs":1,"notes":[{}],"versions":{"bash":5,"python":"3"}}',
    );
    expect(await keptProbe(dir, "these")).toEqual({
      startMs: 1,
      notes: ["[object Object]"],
      versions: { python: "3" },
    });
    // Where nothing can be kept, nothing is lost but time.
    await keepProbe(join(dir, "probe.json", "below"), "these", seen);
  } finally {
    await rm(dir, { recursive: true });
  }
});
