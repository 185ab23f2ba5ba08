import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleAction } from "../testing/bundle-action.ts";
import { type JobStage, openJobStage } from "../testing/job-stage.ts";

/** What actions like `actions/upload-artifact` and `actions/cache` do, over the same packages. */
const ACTION = `
import { DefaultArtifactClient } from "@actions/artifact";
import { restoreCache, saveCache } from "@actions/cache";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const say = (what) => console.log("::notice::" + JSON.stringify(what));
const artifacts = new DefaultArtifactClient();
mkdirSync("out/deep", { recursive: true });
writeFileSync("out/a.txt", "a\\n");
writeFileSync("out/deep/b.bin", Buffer.alloc(9 * 1024 * 1024, "b"));
const made = await artifacts.uploadArtifact("mine", ["out/a.txt", "out/deep/b.bin"], "out", { compressionLevel: 0 });
const again = await artifacts.uploadArtifact("mine", ["out/a.txt"], "out").catch((error) => error.message);
say({ size: made.size, again });
const { artifacts: listed } = await artifacts.listArtifacts();
say(listed.map(({ name, size, digest }) => ({ name, isSize: size > 0, digest: typeof digest })));
const mine = await artifacts.getArtifact("mine");
const got = await artifacts.downloadArtifact(mine.artifact.id, { path: "got", expectedHash: mine.artifact.digest });
say({ mismatch: got.digestMismatch, a: readFileSync("got/a.txt", "utf8"), b: readFileSync("got/deep/b.bin").length });
const theirs = await artifacts.getArtifact("built-in");
await artifacts.downloadArtifact(theirs.artifact.id, { path: "theirs" });
say({ theirs: readFileSync("theirs/x/y.txt", "utf8") });
await artifacts.uploadArtifact("ignored", ["out/a.txt"], "out", { skipArchive: true });
await artifacts.uploadArtifact("gone", ["out/a.txt"], "out");
await artifacts.deleteArtifact("gone");
say((await artifacts.listArtifacts()).artifacts.map(({ name }) => name).sort());

const missing = await restoreCache(["out"], "key-1", ["key-"]);
const id = await saveCache(["out"], "key-1");
const taken = await saveCache(["out"], "key-1");
rmSync("out", { recursive: true });
const hit = await restoreCache(["out"], "key-2", ["key-"]);
say({ missing: missing ?? null, isSaved: id > 0, taken, hit, b: readFileSync("out/deep/b.bin").length });
say(process.env.ACTIONS_RUNTIME_TOKEN ?? "no token");
console.log("the token is " + process.env.ACTIONS_RUNTIME_TOKEN);
`;

describe("actions over the official toolkit", { timeout: 120_000 }, () => {
  let stage: JobStage;
  let action: string;
  beforeAll(async () => {
    stage = await openJobStage();
    action = await bundleAction(ACTION);
  }, 60_000);
  afterAll(() => stage[Symbol.asyncDispose]());

  it("keep and find artifacts and caches, which are those of the built-in actions", async () => {
    const end = await stage.run({
      actions: {
        "octo/kit@v1": { "action.yml": "name: kit\nruns: { using: node24, main: main.mjs }\n", "main.mjs": action },
      },
      yaml: `
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: mkdir -p x/x && echo built-in > x/x/y.txt
      - uses: actions/upload-artifact@v4
        with: { name: built-in, path: x }
      - name: kit
        uses: octo/kit@v1
      - uses: actions/download-artifact@v4
        with: { name: mine, path: mine }
      - uses: actions/download-artifact@v4
        with: { name: a.txt, path: raw }
      - name: look
        run: |
          cat mine/a.txt raw/a.txt
          stat -c %s mine/deep/b.bin
          echo "no: \${ACTIONS_RUNTIME_TOKEN-unset}"
`,
    });
    const kit = end.step("kit");
    const said = kit?.annotations.map(({ message }) => JSON.parse(message));
    expect([kit?.conclusion, said]).toEqual([
      "success",
      [
        { size: expect.any(Number), again: expect.stringContaining("already exists") },
        // What a built-in action kept is made a zip file when it is asked for.
        [
          { name: "built-in", isSize: true, digest: "undefined" },
          { name: "mine", isSize: true, digest: "string" },
        ],
        { mismatch: false, a: "a\n", b: 9 * 1024 * 1024 },
        { theirs: "built-in\n" },
        ["a.txt", "built-in", "mine"],
        { missing: null, isSaved: true, taken: -1, hit: "key-1", b: 9 * 1024 * 1024 },
        "[redacted]",
      ],
    ]);
    expect(await end.log(kit)).toContain("the token is [redacted]");
    // Steps that are no actions do not get it, as on GitHub.
    expect(await end.log(end.step("look"))).toBe(`a\na\n${9 * 1024 * 1024}\nno: unset\n`);
    expect(end.outcome.conclusion).toBe("success");
  });
});
