import { createAppAuth } from "@octokit/auth-app";
import { request as octokitRequest } from "@octokit/request";
import type { Clock } from "../../core/index.ts";
import { apiError } from "./api-error.ts";

export interface GitHubApp {
  readonly appId: string;
  /** PEM. */
  readonly privateKey: string;
}

export interface GitHubApiOptions {
  /** `https://api.github.com`, or `https://<host>/api/v3` of one's own. Without a `/` at its end. */
  readonly apiUrl: string;
  readonly app?: GitHubApp;
  readonly clock: Clock;
  /** For each answer, milliseconds. Default 15 s. */
  readonly timeoutMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly data: unknown;
}

type Parameters = Readonly<Record<string, unknown>>;
type AppAuth = ReturnType<typeof createAppAuth>;

const API_VERSION = "2022-11-28";
/** An installation's token lives an hour: https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app */
const MAX_INSTALLATIONS = 1000;

/** GitHub's API: one attempt a call, with errors that say whether and when to try again. */
export class GitHubApi {
  readonly #options: GitHubApiOptions;
  readonly #request: typeof octokitRequest;
  readonly #app: AppAuth | undefined;
  /** By repository. */
  readonly #installations = new Map<string, number>();

  constructor(options: GitHubApiOptions) {
    this.#options = options;
    const headers = { "user-agent": "glovebox", "x-github-api-version": API_VERSION };
    this.#request = octokitRequest.defaults({ baseUrl: options.apiUrl, headers });
    const { app } = options;
    this.#app = app && createAppAuth({ ...app, request: this.#request });
  }

  get hasApp(): boolean {
    return this.#app !== undefined;
  }

  /** `route`: as GitHub's documentation names it, `POST /repos/{owner}/{repo}/check-runs`. Errors: see `apiError`. */
  async call(route: string, parameters: Parameters, token: string, signal: AbortSignal): Promise<ApiAnswer> {
    return await this.#attempt(route, signal, async (within) => {
      const authorization = token.includes(".") ? `bearer ${token}` : `token ${token}`;
      return await this.#request(route, {
        ...parameters,
        headers: { authorization },
        request: { signal: within },
      } as Parameters);
    });
  }

  /** A token for one repository, of the installation that covers it: for an hour, kept until shortly before. `permissions`: no more than these. */
  async installationToken(
    repository: string,
    signal: AbortSignal,
    permissions?: Readonly<Record<string, string>>,
  ): Promise<string> {
    const app = this.#app;
    if (app === undefined) throw apiError("POST /app/installations", new Error("this server has no GitHub App"));
    const installationId = await this.#installationOf(repository, app, signal);
    const [, name = ""] = repository.split("/");
    try {
      return await this.#attempt("POST /app/installations/{installation_id}/access_tokens", signal, async () => {
        const narrowed = permissions === undefined ? {} : { permissions };
        const made = await app({ type: "installation", installationId, repositoryNames: [name], ...narrowed });
        return made.token;
      });
    } catch (error) {
      // Removed and installed again, it has another id.
      this.#installations.delete(repository);
      throw error;
    }
  }

  async #installationOf(repository: string, app: AppAuth, signal: AbortSignal): Promise<number> {
    const known = this.#installations.get(repository);
    if (known !== undefined) return known;
    const [owner = "", repo = ""] = repository.split("/");
    const { token } = await app({ type: "app" });
    const { data } = await this.call("GET /repos/{owner}/{repo}/installation", { owner, repo }, token, signal);
    const { id } = data as { readonly id?: unknown };
    if (typeof id !== "number")
      throw apiError("GET /repos/{owner}/{repo}/installation", new Error("an answer without an id"));
    if (this.#installations.size >= MAX_INSTALLATIONS) this.#installations.clear();
    this.#installations.set(repository, id);
    return id;
  }

  async #attempt<T>(route: string, signal: AbortSignal, work: (within: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs = 15_000, clock } = this.#options;
    const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const late = Promise.withResolvers<never>();
    const stop = () => late.reject(within.reason);
    within.addEventListener("abort", stop, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([work(within), late.promise]);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw apiError(route, error, clock.nowMs());
    } finally {
      within.removeEventListener("abort", stop);
    }
  }
}
