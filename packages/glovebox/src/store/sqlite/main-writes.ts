import type { SqlValue } from "better-sqlite3";
import type { Compilable } from "kysely";
import { type ErrorCode, GloveboxError, type StreamRef } from "../../core/index.ts";
import { storeFailed, storeFailure } from "./connection.ts";
import { addressOf } from "./events/file-name.ts";
import type { RefusedStreams } from "./events/refused-streams.ts";
import type { StoreFaults, WriteKind } from "./faults.ts";
import type { Expectation, StatementResult } from "./worker/messages.ts";
import type { WriterThread } from "./writer-thread.ts";

type Refusal = readonly [code: ErrorCode, message: string];

/** A statement of a unit, what it must do, and the error of the whole unit when it does not. */
export interface Step {
  readonly query: Compilable<unknown>;
  readonly expect?: Expectation;
  readonly otherwise?: Refusal;
  /** The error when a unique index forbids it. */
  readonly onDuplicate?: Refusal;
}

/** Writes to the main database: each call is one unit that happens whole or not at all. */
export class MainWrites {
  readonly #writer: WriterThread;
  readonly #faults: StoreFaults | undefined;
  readonly #refused: RefusedStreams;

  constructor(writer: WriterThread, faults: StoreFaults | undefined, refused: RefusedStreams) {
    this.#writer = writer;
    this.#faults = faults;
    this.#refused = refused;
  }

  /** Resolves to each statement's result once they are on disk, and all that was asked for on the stream `after` before them. */
  async run(kind: WriteKind, steps: readonly Step[], after?: StreamRef): Promise<readonly StatementResult[]> {
    const doing = `could not write (${kind})`;
    try {
      this.#faults?.before(kind);
      if (after !== undefined) this.#refused.check(after);
    } catch (error) {
      throw storeFailed(doing, error);
    }
    const statements = steps.map(({ query, expect }) => {
      const { sql, parameters } = query.compile();
      return { sql, parameters: parameters as readonly SqlValue[], ...(expect === undefined ? {} : { expect }) };
    });
    const order = after === undefined ? {} : { after: addressOf(after) };
    const reply = await this.#writer.request({ type: "sql", statements, ...order });
    if (reply.type === "done") return reply.results;
    if (reply.type === "unmet") throw refused(steps[reply.index]?.otherwise, doing);
    if (reply.type !== "failed") throw new GloveboxError("internal", `unexpected answer of the writer: ${reply.type}`);
    const duplicate = steps[reply.index]?.onDuplicate;
    const isDuplicate = reply.code === "SQLITE_CONSTRAINT_UNIQUE" || reply.code === "SQLITE_CONSTRAINT_PRIMARYKEY";
    if (isDuplicate && duplicate !== undefined) throw refused(duplicate, doing);
    throw storeFailure(doing, reply.code, reply.message);
  }
}

function refused(refusal: Refusal | undefined, doing: string): GloveboxError {
  return refusal === undefined ? new GloveboxError("internal", doing) : new GloveboxError(refusal[0], refusal[1]);
}
