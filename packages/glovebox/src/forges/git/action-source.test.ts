import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { silentLogger } from "../../core/index.ts";
import { GitUpstream } from "../testing/git-upstream.ts";
import { tarEntries } from "../testing/tar-entries.ts";
import { isAllowedAction } from "./action-policy.ts";
import { createActionSource } from "./action-source.ts";
import { GitCache } from "./git-cache.ts";

test.each([
  [["actions/*"], "actions/checkout@v4", true],
  [["actions/*"], "Actions/Checkout@main", true],
  [["actions/*"], "actions-evil/checkout@v4", false],
  [["actions/*"], "evil/actions@v4", false],
  [["acme/deploy@v2"], "acme/deploy@v2", true],
  [["acme/deploy@v2"], "acme/deploy@V2", false],
  [["acme/deploy@v2"], "acme/deploy@v2.1", false],
  [["acme/deploy@release/*"], "acme/deploy@release/a/b", true],
  [["*/*@*"], "any/thing@x", true],
  [["*"], "any/thing@x", false],
  [["a.b/c"], "aXb/c@v1", false],
  [[], "actions/checkout@v4", false],
])("the list %j for %s: %s", (allow, action, expected) => {
  const [, owner = "", repo = "", ref = ""] = /^([^/]+)\/([^@]+)@(.+)$/.exec(action) ?? [];
  expect(isAllowedAction(allow, { owner, repo, ref })).toBe(expected);
});

describe("actions by git", () => {
  const signal = AbortSignal.timeout(60_000);
  let upstream: GitUpstream;
  let folder: string;
  beforeAll(async () => {
    upstream = await GitUpstream.start();
    folder = await mkdtemp(join(tmpdir(), "glovebox-actions-"));
  });
  afterAll(async () => {
    await upstream[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("are fetched at their ref, and again by the commit when the tag has moved; what is not allowed is not asked for", async () => {
    const first = await upstream.commit("actions/hello", { "action.yml": "name: one\n" });
    await upstream.publish("actions/hello", ["tag", "v1"], "refs/tags/v1");
    // A server finds `owner/repo` without `.git`, as GitHub's does.
    await upstream.alias("actions/hello");
    const source = createActionSource({
      cache: new GitCache(folder),
      url: upstream.origin,
      allow: ["actions/*"],
      logger: silentLogger,
    });
    const hello = { owner: "actions", repo: "hello" };
    const textOf = async (files: AsyncIterable<Uint8Array>) =>
      (await tarEntries(await buffer(files))).get("action.yml")?.text;
    const found = await source.fetch({ ...hello, ref: "v1" }, signal);
    expect([found.commit, await textOf(found.files)]).toEqual([first, "name: one\n"]);
    const second = await upstream.commit("actions/hello", { "action.yml": "name: two\n" });
    await upstream.publish("actions/hello", ["tag", "-f", "v1"], "refs/tags/v1");
    const moved = await source.fetch({ ...hello, ref: "v1" }, signal);
    expect([moved.commit, await textOf(moved.files)]).toEqual([second, "name: two\n"]);
    upstream.requests.length = 0;
    const pinned = await source.fetch({ ...hello, ref: first }, signal);
    expect(await textOf(pinned.files)).toBe("name: one\n");
    const refused = source.fetch({ owner: "evil", repo: "hello", ref: "v1" }, signal);
    await expect(refused).rejects.toMatchObject({ code: "policy_denied" });
    await expect(source.fetch({ owner: "..", repo: "hello", ref: "v1" }, signal)).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(upstream.requests).toEqual([]);
    await expect(source.fetch({ ...hello, ref: "v9" }, signal)).rejects.toMatchObject({ code: "not_found" });
  });
});
