import { GloveboxError } from "../../core/index.ts";
import type { Delivery, RawDelivery } from "../delivery.ts";
import type { Forge, ForgeCredentials, ForgeRepository } from "../forge.ts";
import { headerOf, malformed, readPayload } from "../payload.ts";
import { GitHubApi, type GitHubApiOptions } from "./api.ts";
import { gitHubPulls } from "./pulls.ts";
import { readGitHubEvent } from "./read-event.ts";
import { gitHubHooks, gitHubReports, type RepositoryCall } from "./reports.ts";
import { gitHubSignature, isSignedWith } from "./signature.ts";

/** GitHub, or an Enterprise Server of one's own. */
export interface GitHubForge extends Forge {
  /** A token for a job: of the App's installation, for this repository alone, with no more than these permissions. `undefined` without an App. */
  jobToken(
    repository: ForgeRepository,
    permissions: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<string | undefined>;
}

export function createGitHubForge(options: GitHubApiOptions): GitHubForge {
  const api = new GitHubApi(options);
  const tokenFor = async ({ fullName }: ForgeRepository, credentials: ForgeCredentials, signal: AbortSignal) => {
    if (credentials.kind === "none") return undefined;
    return credentials.kind === "token" ? credentials.token : await api.installationToken(fullName, signal);
  };
  const callFor = (repository: ForgeRepository, credentials: ForgeCredentials): RepositoryCall | undefined => {
    if (credentials.kind === "none" || (credentials.kind === "app" && !api.hasApp)) return undefined;
    const [owner = "", repo = ""] = repository.fullName.split("/");
    return async (route, parameters, signal) => {
      const token = (await tokenFor(repository, credentials, signal)) ?? "";
      return await api.call(route, { owner, repo, ...parameters }, token, signal);
    };
  };
  return {
    kind: "github",
    read: (raw) => readGitHubDelivery(raw, "x-github"),
    isSigned: (raw) => gitHubSignature(raw) !== undefined,
    verify: (raw, secrets) => isSignedWith(raw, gitHubSignature(raw), secrets),
    event: readGitHubEvent,
    async remote(repository, credentials, signal) {
      const token = await tokenFor(repository, credentials, signal);
      const { cloneUrl: url } = repository;
      return token === undefined ? { url } : { url, authorization: basic("x-access-token", token) };
    },
    reports(repository, credentials) {
      const call = callFor(repository, credentials);
      return call && gitHubReports(call, { checkRuns: credentials.kind === "app" });
    },
    hooks(repository, credentials) {
      const call = callFor(repository, credentials);
      return call && gitHubHooks(call);
    },
    pulls(repository, credentials) {
      const call = callFor(repository, credentials);
      if (call === undefined) throw noPulls(`no credentials of ${repository.fullName} are known`);
      return gitHubPulls(call, repository.fullName.split("/")[0] ?? "");
    },
    jobToken: async ({ fullName }, permissions, signal) =>
      api.hasApp ? await api.installationToken(fullName, signal, permissions) : undefined,
  };
}

/** Why pull requests cannot be opened. */
export function noPulls(reason: string): GloveboxError {
  return new GloveboxError("not_found", `no pull request can be opened: ${reason}`);
}

/** The head of a delivery: ids and names from headers that begin with `prefix`, the repository from the payload. */
export function readGitHubDelivery(raw: RawDelivery, prefix: string): Delivery {
  const event = headerOf(raw, `${prefix}-event`) ?? "";
  const id = headerOf(raw, `${prefix}-delivery`) ?? "";
  if (!/^[a-z0-9_]{1,64}$/.test(event)) throw malformed(`the header ${prefix}-event is missing or no event`);
  if (!/^[A-Za-z0-9-]{1,100}$/.test(id)) throw malformed(`the header ${prefix}-delivery is missing or no id`);
  const payload = readPayload(raw);
  const { repository, installation } = payload as {
    readonly repository?: { readonly full_name?: unknown } | null;
    readonly installation?: { readonly id?: unknown } | null;
  };
  const name = repository?.full_name;
  const installationId = installation?.id;
  return {
    id,
    event,
    ...(typeof name === "string" && { repository: name.slice(0, 256) }),
    ...((typeof installationId === "number" || typeof installationId === "string") && {
      installationId: String(installationId).slice(0, 64),
    }),
    payload,
  };
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
