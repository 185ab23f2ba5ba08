import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { checkRequest } from "./request-check.ts";

export interface FakeCall {
  readonly operation: string;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string;
  readonly answered: number | "hung";
}

/** How a call is spoilt, instead of or after being done. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Never answers. */
  readonly hang?: true;
  /** The work is done, and the answer is lost. */
  readonly after?: true;
}

/** What GitHub refuses for what there is, though the request is as it should be. */
class Refused {
  readonly status: number;
  readonly message: string;

  constructor(status: number, message: string) {
    this.status = status;
    this.message = message;
  }
}

type Stored = Record<string, unknown> & { readonly id: number };

/** GitHub's API for tests, on loopback: every request is held against GitHub's published description, and what is made is kept. */
export class FakeGitHub implements AsyncDisposable {
  readonly calls: FakeCall[] = [];
  /** Requests that GitHub would not have taken, or that it does not know. Tests expect none. */
  readonly problems: string[] = [];
  readonly checkRuns = new Map<number, Stored>();
  readonly comments = new Map<number, Stored>();
  readonly pulls = new Map<number, Stored>();
  readonly hooks = new Map<number, Stored>();
  readonly statuses: Record<string, unknown>[] = [];
  /** Says how the next call is spoilt, if it is. */
  fault: (operation: string, count: number) => Fault | undefined = () => undefined;
  readonly #server: Server;
  #nextId = 1000;

  private constructor() {
    this.#server = createServer((request, answer) => {
      this.#serve(request, answer).catch(() => answer.destroy());
    });
  }

  static async start(): Promise<FakeGitHub> {
    const fake = new FakeGitHub();
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Check runs by name. */
  check(name: string): Stored | undefined {
    return [...this.checkRuns.values()].find((run) => run.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const text = (await buffer(request)).toString("utf8");
    const body = text === "" ? undefined : (JSON.parse(text) as Record<string, unknown>);
    const checked = checkRequest(request.method ?? "", url, body);
    if (checked === undefined) {
      this.problems.push(`${request.method} ${url.pathname}: no such operation`);
      return send(answer, 404, { message: "Not Found" });
    }
    const { operation, params } = checked;
    const authorization = request.headers.authorization ?? "";
    for (const problem of checked.problems) this.problems.push(`${operation}: ${problem}`);
    const count = this.calls.filter((call) => call.operation === operation).length;
    const fault = this.fault(operation, count);
    const note = (answered: FakeCall["answered"]) =>
      this.calls.push({ operation, params, body: body ?? {}, authorization, answered });
    if (fault !== undefined && fault.after !== true) return spoil(answer, fault, note);
    if (checked.problems.length > 0) {
      note(422);
      return send(answer, 422, { message: "Validation Failed", errors: checked.problems });
    }
    const result = this.#do(operation, params, body ?? {}, url);
    if (fault !== undefined) return spoil(answer, fault, note);
    if (result instanceof Refused) {
      note(result.status);
      return send(answer, result.status, { message: result.message });
    }
    const status = result === undefined ? 404 : checked.status;
    note(status);
    send(answer, status, result ?? { message: "Not Found" });
  }

  #do(operation: string, params: Readonly<Record<string, string>>, body: Record<string, unknown>, url: URL): unknown {
    switch (operation) {
      case "apps/get-repo-installation":
        return { id: 77 };
      case "apps/create-installation-access-token":
        return {
          token: `ghs_installation_${params.installation_id}`,
          expires_at: new Date(Date.now() + 3_600_000).toISOString(),
          permissions: {},
          repository_selection: "selected",
        };
      case "checks/create":
        return this.#add(this.checkRuns, { ...body, annotations: annotationsOf(body) });
      case "checks/update":
        return this.#updateCheckRun(Number(params.check_run_id), body);
      case "checks/list-for-ref": {
        const name = url.searchParams.get("check_name");
        const found = [...this.checkRuns.values()].filter((run) => run.head_sha === params.ref && run.name === name);
        return { total_count: found.length, check_runs: found };
      }
      case "repos/create-commit-status":
        this.statuses.push({ sha: params.sha, ...body });
        return { id: this.#nextId++ };
      case "issues/list-comments":
        return [...this.comments.values()].filter(({ issue }) => issue === params.issue_number);
      case "issues/create-comment":
        return this.#add(this.comments, { ...body, issue: params.issue_number });
      case "issues/update-comment":
        return merge(this.comments, Number(params.comment_id), body);
      case "pulls/list":
        return this.#pullsOf(params.owner ?? "", url.searchParams);
      case "pulls/create":
        return this.#openPull(params, body);
      case "repos/list-webhooks":
        return [...this.hooks.values()];
      case "repos/create-webhook":
        return this.#add(this.hooks, body);
      case "repos/update-webhook":
        return merge(this.hooks, Number(params.hook_id), body);
      case "repos/delete-webhook":
        return this.hooks.delete(Number(params.hook_id)) ? "" : undefined;
      default:
        return undefined;
    }
  }

  #pullsOf(owner: string, asked: URLSearchParams): readonly Stored[] {
    const { head, base, state = "open" } = Object.fromEntries(asked);
    return [...this.pulls.values()].filter(
      (pull) =>
        (head === undefined || head === `${owner}:${pull.head}`) &&
        (base === undefined || base === pull.base) &&
        (state === "all" || state === pull.state),
    );
  }

  /** As GitHub does it: one open pull request for two branches. */
  #openPull({ owner, repo }: Readonly<Record<string, string>>, body: Record<string, unknown>): Stored | Refused {
    const open = [...this.pulls.values()].filter(({ state }) => state === "open");
    if (open.some(({ head, base }) => head === body.head && base === body.base)) {
      return new Refused(422, `A pull request already exists for ${owner}:${body.head}.`);
    }
    const number = this.pulls.size + 1;
    const html_url = `https://github.com/${owner}/${repo}/pull/${number}`;
    return this.#add(this.pulls, { ...body, number, html_url, state: "open" });
  }

  #add(into: Map<number, Stored>, body: Record<string, unknown>): Stored {
    const made = { ...body, id: this.#nextId++ };
    into.set(made.id, made);
    return made;
  }

  /** As GitHub does it: annotations of an update come to those that are there. */
  #updateCheckRun(id: number, body: Record<string, unknown>): Stored | undefined {
    const before = this.checkRuns.get(id);
    if (before === undefined) return undefined;
    const annotations = [...(before.annotations as unknown[]), ...annotationsOf(body)];
    return merge(this.checkRuns, id, { ...body, annotations });
  }
}

function annotationsOf(body: Record<string, unknown>): readonly unknown[] {
  return (body.output as { readonly annotations?: readonly unknown[] } | undefined)?.annotations ?? [];
}

function merge(into: Map<number, Stored>, id: number, body: Record<string, unknown>): Stored | undefined {
  const before = into.get(id);
  if (before === undefined) return undefined;
  const merged = { ...before, ...body, id };
  into.set(id, merged);
  return merged;
}

function spoil(answer: ServerResponse, fault: Fault, note: (answered: FakeCall["answered"]) => void): void {
  note(fault.hang === true ? "hung" : (fault.status ?? 500));
  if (fault.hang === true) return;
  answer.writeHead(fault.status ?? 500, { "content-type": "application/json", ...fault.headers });
  answer.end(JSON.stringify({ message: "spoilt" }));
}

function send(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  answer.end(body === "" ? undefined : JSON.stringify(body));
}
