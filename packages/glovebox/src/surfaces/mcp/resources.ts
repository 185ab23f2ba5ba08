import { type Glovebox, isGloveboxError } from "@glovebox/sdk";
import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type Resource,
  ResourceNotFoundError,
  ResourceTemplate,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { MCP_LIMITS } from "./limits.ts";
import { logLine } from "./log-line.ts";
import { signalOf } from "./request-context.ts";

interface Reading {
  readonly box: Glovebox;
  readonly id: string;
  /** Only what comes after this number. */
  readonly after: number;
  readonly signal: AbortSignal;
}

interface Kind {
  readonly name: string;
  readonly uri: string;
  readonly title: string;
  readonly description: string;
  readonly mimeType: string;
  list?(box: Glovebox, signal: AbortSignal): Promise<readonly Resource[]>;
  read(reading: Reading): Promise<string>;
}

const JSON_TYPE = "application/json";
const PAGE = 1_000;
const limit = MCP_LIMITS.listedResources;

/** The one table of resources. Their names and titles are our words: nothing in them comes from a sandbox. */
const KINDS: readonly Kind[] = [
  {
    name: "session",
    uri: "glovebox://session/{id}",
    title: "A session",
    description: "What is known of a session, as JSON",
    mimeType: JSON_TYPE,
    list: async (box, signal) => {
      const { items } = await box.sessions.list({ limit }, { signal });
      return items.map(({ id, status }) => ({ uri: `glovebox://session/${id}`, name: `session ${id} (${status})` }));
    },
    read: async ({ box, id, signal }) => whole(await box.sessions.info(id, { signal })),
  },
  {
    name: "execution-log",
    uri: "glovebox://execution/{id}/log",
    title: "The log of an execution",
    description: "What happened in an execution, one event a line; the last line says where to read on",
    mimeType: "text/plain",
    list: async (box, signal) => {
      const { items } = await box.executions.list({ limit }, { signal });
      return items.map(({ id, kind, status }) => ({
        uri: `glovebox://execution/${id}/log`,
        name: `log of ${kind} ${id} (${status})`,
      }));
    },
    read: readLog,
  },
  {
    name: "execution-log-after",
    uri: "glovebox://execution/{id}/log/{after}",
    title: "The log of an execution, from an event on",
    description: "The same after the event of that number",
    mimeType: "text/plain",
    read: readLog,
  },
  {
    name: "run",
    uri: "glovebox://run/{id}",
    title: "A durable run",
    description: "What is known of a run, as JSON",
    mimeType: JSON_TYPE,
    list: async (box, signal) => {
      const { items } = await box.runs.list({ limit }, { signal });
      return items.flatMap(({ id, status }) => [
        { uri: `glovebox://run/${id}`, name: `run ${id} (${status})` },
        { uri: `glovebox://run/${id}/journal`, name: `journal of run ${id}`, mimeType: "text/plain" },
      ]);
    },
    read: async ({ box, id, signal }) => whole(await box.runs.get(id, { signal })),
  },
  {
    name: "run-journal",
    uri: "glovebox://run/{id}/journal",
    title: "The journal of a run",
    description: "What a run did, one record a line; the last line says where to read on",
    mimeType: "text/plain",
    read: readJournal,
  },
  {
    name: "run-journal-after",
    uri: "glovebox://run/{id}/journal/{after}",
    title: "The journal of a run, from a record on",
    description: "The same after the record of that number",
    mimeType: "text/plain",
    read: readJournal,
  },
];

export function addResources(server: McpServer, box: Glovebox): void {
  for (const kind of KINDS) {
    const { name, uri, title, description, mimeType, list } = kind;
    const listed =
      list === undefined
        ? undefined
        : async (ctx: ServerContext) => ({ resources: [...(await list(box, signalOf(ctx)).catch(nothing))] });
    const template = new ResourceTemplate(uri, { list: listed });
    server.registerResource(name, template, { title, description, mimeType }, async (url, variables, ctx) => {
      const { id, after = "0" } = variables;
      const text = await readOrRefuse(kind, url.href, {
        ...{ box, signal: signalOf(ctx) },
        ...{ id: String(id), after: /^\d{1,15}$/.test(String(after)) ? Number(after) : Number.NaN },
      });
      return { contents: [{ uri: url.href, mimeType, text }] };
    });
  }
}

/** Who may not list one kind still sees the others. */
function nothing(error: unknown): readonly Resource[] {
  if (isGloveboxError(error, "permission_denied") || isGloveboxError(error, "policy_denied")) return [];
  throw toProtocolError(error, "");
}

async function readOrRefuse(kind: Kind, uri: string, reading: Reading): Promise<string> {
  if (Number.isNaN(reading.after)) throw new ResourceNotFoundError(uri);
  try {
    return await kind.read(reading);
  } catch (error) {
    throw toProtocolError(error, uri);
  }
}

function toProtocolError(error: unknown, uri: string): Error {
  if (!isGloveboxError(error)) return new ProtocolError(ProtocolErrorCode.InternalError, "something went wrong");
  // A text that is no id names nothing, either.
  if (error.code === "not_found" || error.code === "invalid_argument") return new ResourceNotFoundError(uri);
  return new ProtocolError(ProtocolErrorCode.InternalError, `${error.code}: ${error.message}`, { code: error.code });
}

function whole(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2);
  if (text.length <= MCP_LIMITS.textCharacters) return text;
  // In quotes again, so that what is cut is no JSON that looks whole; escaped it is twice as long at most.
  return JSON.stringify({ truncated: true, text: text.slice(0, MCP_LIMITS.textCharacters / 2 - 50).toWellFormed() });
}

async function readLog({ box, id, after, signal }: Reading): Promise<string> {
  const page = await box.executions.events(id, { afterSeq: after, limit: PAGE }, { signal });
  const lines = page.items.map((event) => ({ seq: event.seq, text: logLine(event.seq, event.type, event.payload) }));
  return linesOf(lines, page, `glovebox://execution/${id}/log`);
}

async function readJournal({ box, id, after, signal }: Reading): Promise<string> {
  const page = await box.runs.journal(id, { afterSeq: after, limit: PAGE }, { signal });
  const lines = page.items.map(({ seq, type, step, payload }) => ({
    seq,
    text: logLine(seq, step === undefined ? type : `${type} ${step}`, payload),
  }));
  return linesOf(lines, page, `glovebox://run/${id}/journal`);
}

interface Page {
  readonly nextAfterSeq: number;
  readonly done: boolean;
}

/** Whole lines up to the limit, and how to go on. */
function linesOf(lines: readonly { readonly seq: number; readonly text: string }[], page: Page, uri: string): string {
  const kept: string[] = [];
  let characters = 0;
  let next = page.nextAfterSeq;
  let isAll = true;
  for (const [at, { text }] of lines.entries()) {
    characters += text.length + 1;
    if (at > 0 && characters > MCP_LIMITS.textCharacters) {
      next = lines[at - 1]?.seq ?? next;
      isAll = false;
      break;
    }
    kept.push(text);
  }
  kept.push(isAll && page.done ? "# end" : `# more may follow: ${uri}/${next}`);
  return kept.join("\n");
}
