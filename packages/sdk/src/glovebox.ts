import { Agents } from "./agents.ts";
import { Approvals } from "./approvals.ts";
import { Assistants } from "./assistants.ts";
import { Audit } from "./audit.ts";
import { CatalogClient } from "./catalog.ts";
import { type Chat, createChat } from "./chat.ts";
import { Ci } from "./ci.ts";
import { Context } from "./context.ts";
import { Conversations } from "./conversations.ts";
import { Egress } from "./egress.ts";
import { environmentVariable } from "./environment.ts";
import { resultOfAnswer } from "./execution.ts";
import { Executions } from "./executions.ts";
import { bodyOf } from "./files.ts";
import { Flows } from "./flows.ts";
import { idempotencyKey } from "./idempotency.ts";
import { Images } from "./images.ts";
import { Pools } from "./pools.ts";
import { Programs } from "./programs.ts";
import { Repositories } from "./repositories.ts";
import type { Result } from "./result.ts";
import { Retention } from "./retention.ts";
import { Runs } from "./runs.ts";
import { Secrets } from "./secrets.ts";
import { Sessions } from "./sessions.ts";
import { Tasks } from "./tasks.ts";
import { Templates } from "./templates.ts";
import { Tokens } from "./tokens.ts";
import { Transport, type TransportOptions } from "./transport.ts";
import type { ExecuteInput, ExecutionAnswer, SnippetInput } from "./types/execution.ts";
import type { ExtractInput, Extraction, ParseExecuteInput, ParseExecution } from "./types/extract.ts";
import type { CallOptions, CreateOptions } from "./types/page.ts";
import type { ConfigReport, DoctorReport, Summary, Whoami } from "./types/runtime.ts";
import { type Query, urlPath } from "./url-path.ts";

/** Where the server answers unless told otherwise. */
export const DEFAULT_URL = "http://127.0.0.1:7070";

export interface GloveboxOptions extends Omit<TransportOptions, "url"> {
  /** Default: `GLOVEBOX_URL` where there is an environment, else `http://127.0.0.1:7070`. */
  readonly url?: string | undefined;
  /** Default: `GLOVEBOX_TOKEN` where there is an environment. */
  readonly token?: string | undefined;
}

/** A client of one Glovebox server. It holds no connection, so there is nothing to close. */
export class Glovebox {
  readonly url: string;
  readonly sessions: Sessions;
  readonly executions: Executions;
  readonly templates: Templates;
  readonly pools: Pools;
  readonly context: Context;
  readonly catalog: CatalogClient;
  readonly tokens: Tokens;
  readonly retention: Retention;
  readonly secrets: Secrets;
  readonly audit: Audit;
  readonly egress: Egress;
  readonly runs: Runs;
  readonly agents: Agents;
  readonly tasks: Tasks;
  readonly flows: Flows;
  readonly programs: Programs;
  readonly chat: Chat;
  readonly ci: Ci;
  readonly repositories: Repositories;
  readonly assistants: Assistants;
  readonly conversations: Conversations;
  readonly approvals: Approvals;
  readonly images: Images;
  readonly #transport: Transport;

  /** A client, without asking whether the server answers: see {@link Glovebox.connect}. */
  constructor(options: GloveboxOptions = {}) {
    const transport = new Transport({
      ...options,
      url: options.url ?? environmentVariable("GLOVEBOX_URL") ?? DEFAULT_URL,
      token: options.token ?? environmentVariable("GLOVEBOX_TOKEN"),
    });
    this.#transport = transport;
    this.url = transport.url;
    this.executions = new Executions(transport);
    this.sessions = new Sessions(transport, this.executions);
    this.templates = new Templates(transport);
    this.pools = new Pools(transport);
    this.context = new Context(transport);
    this.catalog = new CatalogClient(transport);
    this.tokens = new Tokens(transport);
    this.retention = new Retention(transport);
    this.secrets = new Secrets(transport);
    this.audit = new Audit(transport);
    this.egress = new Egress(transport);
    this.runs = new Runs(transport);
    this.tasks = new Tasks(transport);
    this.agents = new Agents(transport, this.tasks);
    this.flows = new Flows(transport);
    this.programs = new Programs(transport);
    this.chat = createChat(transport);
    this.assistants = new Assistants(transport);
    this.conversations = new Conversations(transport);
    this.approvals = new Approvals(transport);
    this.ci = new Ci(transport);
    this.repositories = new Repositories(transport);
    this.images = new Images(transport);
  }

  /** A client of a server that answers. Errors: `unavailable` when none does. */
  static async connect(options: GloveboxOptions & CallOptions = {}): Promise<Glovebox> {
    const { signal, ...rest } = options;
    const box = new Glovebox(rest);
    await box.health({ signal });
    return box;
  }

  /** Makes a session, runs something in it, closes it; resolves when it is over. Just some code runs in the session that it names. */
  async execute(input: ExecuteInput | SnippetInput, options: CreateOptions = {}): Promise<Result> {
    const answer = await this.#transport.json<ExecutionAnswer>({
      method: "POST",
      path: urlPath("execute"),
      body: input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
    return resultOfAnswer(this.executions, answer, { signal: options.signal });
  }

  /** Finds the code in a model's answer or a user's text, and how sure it is that it is meant to run. Nothing is run. */
  extract(text: string, options: ExtractInput & CallOptions = {}): Promise<Extraction> {
    const { signal, ...input } = options;
    return this.#transport.json<Extraction>({
      method: "POST",
      path: urlPath("extract"),
      body: { text, ...input },
      repeatable: true,
      signal,
    });
  }

  /** Finds the code in a text, judges it, and with `autoExecute` runs what is sure to be meant to run. What would need a person's word is not run. */
  parseExecute(text: string, options: ParseExecuteInput & CallOptions = {}): Promise<ParseExecution> {
    const { signal, ...input } = options;
    return this.#transport.json<ParseExecution>({
      method: "POST",
      path: urlPath("parse-execute"),
      body: { text, ...input },
      signal,
    });
  }

  /** Whether the process answers. Needs no token. */
  health(options: CallOptions = {}): Promise<{ readonly status: "ok"; readonly version: string }> {
    return this.#get("health", options);
  }

  /** Whether it takes work; `unavailable` while it starts or shuts down. Needs no token. */
  ready(options: CallOptions = {}): Promise<{ readonly ready: true }> {
    return this.#get("ready", options);
  }

  /** Sessions and executions by status, and memory. */
  summary(options: CallOptions = {}): Promise<Summary> {
    return this.#get("summary", options);
  }

  /** Which isolations and languages work on the server's machine, and why not. `fresh` tries again instead of remembering. */
  doctor(options: CallOptions & { readonly fresh?: boolean | undefined } = {}): Promise<DoctorReport> {
    return this.#get("doctor", options, { fresh: options.fresh });
  }

  /** Effective configuration and where each value comes from. */
  config(options: CallOptions = {}): Promise<ConfigReport> {
    return this.#get("config", options);
  }

  /** Whom the token stands for. */
  whoami(options: CallOptions = {}): Promise<Whoami> {
    return this.#get("whoami", options);
  }

  /** A consistent copy of everything, as it comes, with its SHA-256 (hex). Only for the root token. */
  async backup(
    options: CallOptions = {},
  ): Promise<{ readonly content: ReadableStream<Uint8Array>; readonly sha256: string | undefined }> {
    const response = await this.#transport.raw({
      method: "POST",
      path: urlPath("backup"),
      accept: "*/*",
      signal: options.signal,
    });
    return { content: bodyOf(response), sha256: response.headers.get("x-content-sha256") ?? undefined };
  }

  #get<T>(name: string, options: CallOptions, query: Query = {}): Promise<T> {
    return this.#transport.json<T>({ method: "GET", path: urlPath(name), query, signal: options.signal });
  }
}
