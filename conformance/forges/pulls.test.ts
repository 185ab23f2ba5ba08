import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../packages/glovebox/src/core/index.ts";
import { createGiteaForge, createGitHubForge, createLocalForge } from "../../packages/glovebox/src/forges/index.ts";
import { FakeGitHub } from "../../packages/glovebox/src/forges/testing/fake-github.ts";

const repository = { fullName: "acme/box", cloneUrl: "https://git.example.org/acme/box.git" };
const credentials = { kind: "token", token: "t0k3n" } as const;
const draft = { head: "glovebox/fix", base: "main", title: "Fix it", body: "As **asked**." };
const signal = AbortSignal.timeout(60_000);

let github: FakeGitHub;
beforeEach(async () => {
  github = await FakeGitHub.start();
});
afterEach(async () => {
  expect(github.problems).toEqual([]);
  await github[Symbol.asyncDispose]();
});
const pulls = () => createGitHubForge({ apiUrl: github.url, clock: systemClock }).pulls(repository, credentials);

test("one pull request for two branches, however often it is asked for and whatever answer is lost", async () => {
  github.fault = (operation, count) => (operation === "pulls/create" && count === 0 ? { after: true } : undefined);
  await expect(pulls().open(draft, signal)).rejects.toMatchObject({ code: "forge_unavailable" });
  const again = await pulls().open({ ...draft, title: "Another title" }, signal);
  expect(again).toEqual({ number: 1, url: "https://github.com/acme/box/pull/1", isNew: false });
  expect([...github.pulls.values()]).toMatchObject([{ ...draft, state: "open" }]);
  expect(github.calls.every(({ authorization }) => authorization === "token t0k3n")).toBe(true);

  expect(await pulls().open({ ...draft, head: "other" }, signal)).toMatchObject({ number: 2, isNew: true });
  expect(await pulls().open({ ...draft, base: "release" }, signal)).toMatchObject({ number: 3, isNew: true });
  // One that is closed is over: its branch may ask anew.
  const [first] = github.pulls.values();
  if (first !== undefined) github.pulls.set(first.id, { ...first, state: "closed" });
  expect(await pulls().open(draft, signal)).toMatchObject({ number: 4, isNew: true });
});

test("who is slower than another gets the other's", async () => {
  const both = await Promise.all([pulls().open(draft, signal), pulls().open(draft, signal)]);
  expect(new Set(both.map(({ number }) => number))).toEqual(new Set([1]));
  expect(both.filter(({ isNew }) => isNew)).toHaveLength(1);
});

test("limits of the rate and refusals are told apart from what passes by itself", async () => {
  const faults = [
    { fault: { status: 429, headers: { "retry-after": "7" } }, code: "rate_limited" },
    { fault: { status: 403 }, code: "permission_denied" },
    { fault: { status: 502 }, code: "forge_unavailable" },
    { fault: { status: 422 }, code: "invalid_argument" },
  ];
  for (const { fault, code } of faults) {
    github.fault = (operation) => (operation === "pulls/create" ? fault : undefined);
    await expect(pulls().open(draft, signal)).rejects.toMatchObject({
      code,
      ...(code === "rate_limited" && { details: { retryAfterMs: 7000 } }),
    });
  }
  for (const wrong of [{ head: "evil:main" }, { head: "-x" }, { base: "" }, { title: " " }]) {
    await expect(pulls().open({ ...draft, ...wrong }, signal)).rejects.toMatchObject({ code: "invalid_argument" });
  }
  expect(github.pulls.size).toBe(0);
});

test("a title and a text are cut to what GitHub takes", async () => {
  await pulls().open({ ...draft, title: "t".repeat(1000), body: "b".repeat(100_000) }, signal);
  const [made] = github.pulls.values();
  expect([String(made?.title).length, String(made?.body).length]).toEqual([256, 65_536]);
});

test("where there are no pull requests, the reason is said", () => {
  for (const [forge, reason] of [
    [createGitHubForge({ apiUrl: github.url, clock: systemClock }), /no credentials/],
    [createGiteaForge(), /Gitea/],
    [createLocalForge(), /the branch is there/],
  ] as const) {
    const open = () => forge.pulls(repository, { kind: "none" });
    expect(open).toThrowError(expect.objectContaining({ code: "not_found", message: expect.stringMatching(reason) }));
  }
});
