import { openForWriting } from "../connection.ts";
import { EventFiles } from "./event-files.ts";
import { LogGrowth } from "./log-growth.ts";
import { MainDatabase } from "./main-database.ts";
import type { SqlRequest, StreamAddress, StreamRequest, WriteReply, WriteRequest } from "./messages.ts";
import { commitTogether, replyTo } from "./transaction.ts";

/** More than can be under way at once: who asked for an older one has had its answer. */
const MAX_FAILED = 4096;

/** The one writer: holds every connection that writes, and commits all that waits in one transaction per database file. */
export class Writer {
  readonly #main: MainDatabase;
  readonly #log: LogGrowth;
  readonly #files: EventFiles;
  /** Streams whose last request failed, oldest first. */
  readonly #failedStreams = new Set<string>();

  constructor(options: { readonly mainFile: string; readonly eventsFolder: string }) {
    this.#main = new MainDatabase(openForWriting(options.mainFile));
    this.#log = new LogGrowth(this.#main.db);
    this.#files = new EventFiles(options.eventsFolder);
  }

  /** Does the requests and answers each once it is on disk or has failed. Requests to the same database keep their order. */
  process(requests: readonly WriteRequest[]): WriteReply[] {
    const sql: SqlRequest[] = [];
    const streams = new Map<string, StreamRequest[]>();
    const replies: WriteReply[] = [];
    const commit = () => {
      replies.push(...this.#commitSql(sql.splice(0)));
      for (const [file, list] of streams) replies.push(...this.#commitStreams(file, list));
      streams.clear();
    };
    for (const request of requests) {
      if (request.type === "sql") {
        if (request.after !== undefined) commit();
        if (request.after !== undefined && this.#failedStreams.has(keyOf(request.after))) {
          replies.push(replyTo(request, new Error("the events that it follows could not be written")));
        } else sql.push(request);
      } else if (request.type === "drop") {
        // What came before for this file must be in it when it is judged.
        replies.push(...this.#commitStreams(request.file, streams.get(request.file) ?? []));
        streams.delete(request.file);
        replies.push(answer(request, () => this.#files.drop(request)));
      } else {
        const list = streams.get(request.file);
        if (list === undefined) streams.set(request.file, [request]);
        else list.push(request);
      }
    }
    commit();
    return replies;
  }

  /** Called when every request was answered. */
  rest(): void {
    this.#log.rest();
  }

  close(): void {
    this.#files.close();
    this.#main.db.close();
  }

  #commitSql(requests: readonly SqlRequest[]): WriteReply[] {
    if (requests.length === 0) return [];
    const units = requests.map((request) => this.#main.unit(request));
    const commit = () => commitTogether(this.#main.db, units, () => {});
    this.#log.noteCommit();
    // What only repeats what a stream on disk says need not wait for the disk once more.
    return requests.every(({ after }) => after !== undefined) ? this.#main.withoutWaiting(commit) : commit();
  }

  #commitStreams(name: string, requests: readonly StreamRequest[]): WriteReply[] {
    if (requests.length === 0) return [];
    const replies = this.#tryStreams(name, requests);
    const failed = new Set(replies.filter(({ type }) => type === "failed" || type === "closed").map(({ id }) => id));
    for (const request of requests) {
      const key = keyOf(request);
      if (request.type === "append") this.#failedStreams.delete(key);
      if (failed.has(request.id)) this.#failedStreams.add(key);
    }
    if (this.#failedStreams.size > MAX_FAILED) {
      for (const key of [...this.#failedStreams].slice(0, -MAX_FAILED)) this.#failedStreams.delete(key);
    }
    return replies;
  }

  #tryStreams(name: string, requests: readonly StreamRequest[]): WriteReply[] {
    try {
      const file = this.#files.get(name);
      const units = requests.map((request) => file.unit(request));
      return commitTogether(file.db, units, () => file.forget());
    } catch (error) {
      // The file could not be opened or made.
      return requests.map((request) => replyTo(request, error));
    }
  }
}

function keyOf({ tenantId, kind, streamId }: StreamAddress): string {
  return `${tenantId} ${kind} ${streamId}`;
}

function answer(request: WriteRequest, work: () => WriteReply): WriteReply {
  try {
    return work();
  } catch (error) {
    return replyTo(request, error);
  }
}
