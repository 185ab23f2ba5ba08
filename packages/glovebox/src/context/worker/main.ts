/** A thread of the context store: the one that writes, or one of those that read, cut and search. */
import { parentPort, workerData } from "node:worker_threads";
import { GloveboxError, toGloveboxError } from "../../core/index.ts";
import { openForReading, openForWriting, storeFailed } from "../../store/sqlite/connection.ts";
import { prepareDocuments, prepareVector } from "../database/prepare.ts";
import { Reader } from "../database/reader.ts";
import { WordPieces } from "../database/word-pieces.ts";
import { Writer } from "../database/writer.ts";
import { Searcher } from "../search/searcher.ts";
import type { FromThread, ReaderMethods, ThreadData, ToThread } from "./messages.ts";
import { Rest } from "./rest.ts";

interface Role {
  readonly methods: Anything;
  /** A part of what can be done while nobody asks for anything; whether there is more. */
  readonly tidy?: () => boolean;
  close(): void;
}

type Anything = Readonly<Record<string, (...parameters: never[]) => unknown>>;

function readerOf(file: string): Role {
  const db = openForReading(file);
  const reader = new Reader(db);
  let searcher = new Searcher(db);
  const methods: Partial<ReaderMethods> = {
    prepareDocuments: (...parameters) => prepareDocuments(db, ...parameters),
    prepareVectors: (vectors) => vectors.map(prepareVector),
    search: (...parameters) => searcher.search(...parameters),
    near: (...parameters) => searcher.near(...parameters),
    forget: () => {
      searcher = new Searcher(db);
    },
  };
  return { methods: { ...bound(reader), ...(methods as Anything) }, close: () => db.close() };
}

function writerOf(file: string): Role {
  const db = openForWriting(file);
  const pieces = new WordPieces(db);
  return { methods: bound(new Writer(db, () => Date.now())), tidy: () => pieces.join(), close: () => db.close() };
}

/** An object's own methods by name. */
function bound(object: object): Anything {
  const prototype = Object.getPrototypeOf(object) as Readonly<Record<string, unknown>>;
  const names = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
  return Object.fromEntries(
    names.flatMap((name) => {
      const method = prototype[name];
      return typeof method === "function" ? [[name, method.bind(object)]] : [];
    }),
  ) as Anything;
}

async function answer(methods: Anything, { id, method, parameters }: ToThread): Promise<FromThread> {
  try {
    const work = methods[method];
    if (work === undefined) throw new GloveboxError("internal", `the thread knows no ${method}`);
    return { id, result: await work(...(parameters as never[])) };
  } catch (error) {
    const isDisk = error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE");
    return { id, error: (isDisk ? storeFailed("the context store", error) : toGloveboxError(error)).toBody() };
  }
}

const port = parentPort;
if (port !== null) {
  const { file, role } = workerData as ThreadData;
  const { methods, tidy, close } = role === "writer" ? writerOf(file) : readerOf(file);
  const rest = tidy === undefined ? undefined : new Rest(tidy);
  let last = Promise.resolve();
  port.on("message", (asked: ToThread | "end") => {
    rest?.end();
    last = last.then(async () => {
      if (asked !== "end") {
        port.postMessage(await answer(methods, asked));
        return rest?.begin();
      }
      rest?.end();
      close();
      port.close();
    });
  });
}
