import { expect, test } from "vitest";
import { systemClock } from "../../packages/glovebox/src/core/index.ts";
import { createGiteaForge, createGitHubForge, createLocalForge } from "../../packages/glovebox/src/forges/index.ts";
import { AFTER, BEFORE, forgeConformance } from "./suite.ts";

const repository = {
  full_name: "acme/box",
  clone_url: "https://git.example.org/acme/box.git",
  default_branch: "main",
  private: false,
};
const sender = { login: "ada" };
const push = { ref: "refs/heads/main", before: BEFORE, after: AFTER, repository, sender };
const pull_request = {
  number: 7,
  head: { sha: AFTER, ref: "topic", repo: { full_name: "evil/box" } },
  base: { sha: BEFORE, ref: "main", repo: { full_name: "acme/box" } },
};

forgeConformance("GitHub", {
  forge: createGitHubForge({ apiUrl: "http://127.0.0.1:1", clock: systemClock }),
  eventHeader: "x-github-event",
  deliveryHeader: "x-github-delivery",
  signatureHeader: "x-hub-signature-256",
  signature: (hex) => `sha256=${hex}`,
  push: { ...push, deleted: false },
  pullRequest: { action: "synchronize", number: 7, pull_request, repository, sender },
  pullRequestRef: "refs/pull/7/merge",
});

// Payloads as https://docs.gitea.com/usage/webhooks shows them: a push says nothing of deletions.
forgeConformance("Gitea", {
  forge: createGiteaForge(),
  eventHeader: "x-gitea-event",
  deliveryHeader: "x-gitea-delivery",
  signatureHeader: "x-gitea-signature",
  signature: (hex) => hex,
  push,
  pullRequest: { action: "synchronized", number: 7, pull_request, repository, sender },
  pullRequestRef: "refs/pull/7/head",
});

test("a local repository sends nothing, and nothing is believed of it", async () => {
  const forge = createLocalForge();
  const raw = { headers: { "x-hub-signature-256": `sha256=${"0".repeat(64)}` }, body: Buffer.from("{}") };
  expect(() => forge.read(raw)).toThrowError(expect.objectContaining({ code: "not_found" }));
  expect([forge.isSigned(raw), await forge.verify(raw, ["x"])]).toEqual([false, false]);
  const signal = AbortSignal.timeout(1000);
  const folder = { fullName: "acme/box", cloneUrl: "/srv/git/box.git" };
  expect(await forge.remote(folder, { kind: "token", token: "t" }, signal)).toEqual({ url: "/srv/git/box.git" });
});
