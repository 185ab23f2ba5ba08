import type { Delivery, RawDelivery } from "../delivery.ts";
import type { Forge } from "../forge.ts";
import type { ForgeEvent } from "../forge-event.ts";
import { basic, noPulls, readGitHubDelivery } from "../github/github-forge.ts";
import { readGitHubEvent } from "../github/read-event.ts";
import { isSignedWith } from "../github/signature.ts";
import { headerOf } from "../payload.ts";

/**
 * Gitea and Forgejo: their webhooks and their git. Results stay here. What is different from GitHub, by https://docs.gitea.com/usage/webhooks:
 * the signature is bare hex in a header of its own, a pull request's merge has no ref, and some words differ.
 */
export function createGiteaForge(): Forge {
  return {
    kind: "gitea",
    read: (raw) => readGitHubDelivery(raw, "x-gitea"),
    isSigned: (raw) => signatureOf(raw) !== undefined,
    verify: (raw, secrets) => isSignedWith(raw, signatureOf(raw), secrets),
    event: readGiteaEvent,
    remote: async ({ cloneUrl: url }, credentials) =>
      credentials.kind === "token" ? { url, authorization: basic("token", credentials.token) } : { url },
    reports: () => undefined,
    hooks: () => undefined,
    pulls: () => {
      throw noPulls("the API of Gitea is not spoken here; the branch is pushed");
    },
  };
}

function signatureOf(raw: RawDelivery): string | undefined {
  const hex = headerOf(raw, "x-gitea-signature");
  return hex === undefined || hex === "" ? undefined : `sha256=${hex}`;
}

const NO_COMMIT = "0".repeat(40);
/** Activity types in GitHub's words, which workflows are written in. */
const ACTIONS: Readonly<Record<string, string>> = {
  synchronized: "synchronize",
  label_updated: "labeled",
  label_cleared: "unlabeled",
  milestone: "milestoned",
};

function readGiteaEvent(delivery: Delivery): ForgeEvent | undefined {
  const event = readGitHubEvent({ ...delivery, payload: asGitHub(delivery) });
  if (event?.pullRequest === undefined || event.headSha === undefined) return event;
  return { ...event, ref: `refs/pull/${event.pullRequest}/head`, sha: event.headSha };
}

function asGitHub({ event, payload }: Delivery): Readonly<Record<string, unknown>> {
  const { action, after } = payload;
  const renamed = typeof action === "string" && Object.hasOwn(ACTIONS, action) ? { action: ACTIONS[action] } : {};
  return { ...payload, ...renamed, ...(event === "push" && { deleted: after === NO_COMMIT }) };
}
