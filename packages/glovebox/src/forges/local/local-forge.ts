import { GloveboxError } from "../../core/index.ts";
import type { Forge } from "../forge.ts";
import { basic, noPulls } from "../github/github-forge.ts";

/** A repository without an API: a folder on this machine, or a URL that git fetches from. It sends nothing and takes no results. */
export function createLocalForge(): Forge {
  const noWebhooks = () => new GloveboxError("not_found", "a local repository has no webhooks");
  return {
    kind: "local",
    read: () => {
      throw noWebhooks();
    },
    isSigned: () => false,
    verify: async () => false,
    event: () => undefined,
    remote: async ({ cloneUrl: url }, credentials) =>
      credentials.kind === "token" && !url.startsWith("/")
        ? { url, authorization: basic("git", credentials.token) }
        : { url },
    reports: () => undefined,
    hooks: () => undefined,
    pulls: () => {
      throw noPulls("a local repository has none; the branch is there");
    },
  };
}
