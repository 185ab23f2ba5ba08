import { GloveboxError } from "../../../core/index.ts";
import type { ProcessItem, SandboxProcess } from "../../process.ts";
import type { CallContext, CallResult } from "./call-context.ts";
import { DATABASE_PROGRAM } from "./database-program.ts";
import { type Input, invalid, text, workspacePath } from "./input.ts";

/** Where the server's Node is inside a sandbox. */
const NODE = "/glovebox/bin/node";
const MAX_SQL = 1_048_576;
/** Bytes of one answer; beyond, the helper is ended. */
const MAX_ANSWER = 16 * 1_048_576;
const WORK = new Set(["open", "exec", "run", "all", "close"]);

/** The databases of one kernel: a Node process in the helper sandbox, started when the first one is opened. */
export class DatabaseHelper {
  #process: SandboxProcess | undefined;
  #items: AsyncIterator<ProcessItem> | undefined;
  #left = Buffer.alloc(0);

  /** Carries out `db.<what>`. */
  async call(context: CallContext, what: string, input: Input, readOnly: boolean): Promise<CallResult> {
    if (!WORK.has(what)) throw invalid("no such function");
    const ask = what === "open" ? { path: await this.#path(context, input.path), readOnly } : statement(what, input);
    const process = this.#process ?? (await this.#start(context));
    const end = () => void this.end();
    context.signal.addEventListener("abort", end, { once: true });
    try {
      context.signal.throwIfAborted();
      await process.write(Buffer.from(`${JSON.stringify({ what, ...ask })}\n`));
      const answer = JSON.parse(await this.#line(process)) as { value?: unknown; error?: string };
      if (answer.error !== undefined) throw invalid(String(answer.error).slice(0, 4096));
      return { json: JSON.stringify(answer.value ?? null) };
    } finally {
      context.signal.removeEventListener("abort", end);
    }
  }

  /** Ends the process, and with it all that is open. */
  async end(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.signal("SIGKILL", "tree").catch(() => undefined);
    process?.release();
  }

  async #path(context: CallContext, value: unknown): Promise<string> {
    if (value === ":memory:") return value;
    const path = workspacePath(value);
    const { files } = await context.helper();
    try {
      const { kind } = await files.stat(path, { within: "workspace", signal: context.signal });
      if (kind !== "file") throw new GloveboxError("invalid_path", "the database is not a file");
    } catch (error) {
      if (!(error instanceof GloveboxError) || error.code !== "not_found") throw error;
      const folder = path.slice(0, path.lastIndexOf("/"));
      await files.stat(`${folder}/.`, { within: "workspace", signal: context.signal });
    }
    return path;
  }

  async #start(context: CallContext): Promise<SandboxProcess> {
    const helper = await context.helper();
    const argv = [NODE, "--no-warnings", "--max-old-space-size=64", "--input-type=module", "-e", DATABASE_PROGRAM];
    this.#process = await helper.spawn({ kind: "program", argv });
    this.#items = this.#process.output()[Symbol.asyncIterator]();
    this.#left = Buffer.alloc(0);
    return this.#process;
  }

  async #line(process: SandboxProcess): Promise<string> {
    const pieces = [this.#left];
    let size = this.#left.length;
    let said = "";
    for (;;) {
      const item = (await this.#items?.next())?.value;
      if (!item || item.kind === "exit") {
        this.#process = undefined;
        throw new GloveboxError("unavailable", `the database helper ended: ${said.slice(0, 500)}`);
      }
      if (item.kind !== "output") continue;
      process.ack(item.stream, item.offset + item.data.length);
      if (item.stream === "stderr" && said.length < 500) said += Buffer.from(item.data).toString("utf8");
      if (item.stream !== "stdout") continue;
      const end = item.data.indexOf(10);
      pieces.push(Buffer.from(item.data.subarray(0, end === -1 ? undefined : end)));
      size += item.data.length;
      if (size > MAX_ANSWER) {
        await this.end();
        throw new GloveboxError("payload_too_large", "the answer of the database is too large");
      }
      if (end === -1) continue;
      this.#left = Buffer.from(item.data.subarray(end + 1));
      return Buffer.concat(pieces).toString("utf8");
    }
  }
}

function statement(what: string, input: Input): Record<string, unknown> {
  if (typeof input.id !== "number") throw invalid("no database");
  if (what === "close") return { id: input.id };
  if (!Array.isArray(input.values)) throw invalid("no values");
  return { id: input.id, sql: text(input.sql, MAX_SQL), values: input.values as unknown[] };
}
