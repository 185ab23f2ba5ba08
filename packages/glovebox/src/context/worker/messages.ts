import type { ErrorBody } from "../../core/index.ts";
import type { prepareDocuments, prepareVector } from "../database/prepare.ts";
import type { Reader } from "../database/reader.ts";
import type { Writer } from "../database/writer.ts";
import type { Searcher } from "../search/searcher.ts";

/** What a thread is started with. */
export interface ThreadData {
  readonly file: string;
  readonly role: "writer" | "reader";
}

type Methods<T> = { readonly [K in keyof T as T[K] extends (...parameters: never[]) => unknown ? K : never]: T[K] };
type WithoutDatabase<F> = F extends (db: never, ...parameters: infer P) => infer R ? (...parameters: P) => R : never;

/** What a writer's thread can be asked. */
export type WriterMethods = Methods<Writer>;

/** What a reader's thread can be asked. */
export type ReaderMethods = Methods<Reader> &
  Methods<Searcher> & {
    readonly prepareDocuments: WithoutDatabase<typeof prepareDocuments>;
    readonly prepareVectors: (vectors: readonly Float32Array[]) => ReturnType<typeof prepareVector>[];
    /** Forgets what is in memory: the database was compacted. */
    readonly forget: () => void;
  };

export interface ToThread {
  readonly id: number;
  readonly method: string;
  readonly parameters: readonly unknown[];
}

export type FromThread =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ErrorBody };
