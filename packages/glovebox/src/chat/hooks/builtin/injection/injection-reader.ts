import { createHash } from "node:crypto";
import { processThreads } from "../../../worker/process-threads.ts";
import type { InjectionPassage } from "./find-injections.ts";

type Passages = readonly InjectionPassage[];

/** Of the texts that were read last, so many are not read again: a conversation's tool results come back with every question to the model. */
const MAX_REMEMBERED = 512;

/** Has texts looked through for orders to the model, in the threads that hostile text is read in. */
export class InjectionReader {
  readonly #threshold: number;
  /** By the hash of the text; the oldest first. */
  readonly #read = new Map<string, Passages>();

  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /** How many texts it remembers. */
  get remembered(): number {
    return this.#read.size;
  }

  /** The passages of each text. Errors: those of the threads. */
  async find(texts: readonly string[], signal?: AbortSignal): Promise<readonly Passages[]> {
    const keys = texts.map((text) => createHash("sha256").update(text, "utf16le").digest("base64"));
    const known = new Map(keys.map((key) => [key, this.#read.get(key)]));
    const fresh = new Map(
      texts.flatMap((text, at) => (known.get(keys[at] ?? "") === undefined ? [[keys[at] ?? "", text] as const] : [])),
    );
    if (fresh.size > 0) {
      const asked = { texts: [...fresh.values()], threshold: this.#threshold };
      const answers = await processThreads.read("injections", asked, signal);
      for (const [at, key] of [...fresh.keys()].entries()) known.set(key, answers[at] ?? []);
    }
    for (const [key, passages = []] of known) this.#remember(key, passages);
    return keys.map((key) => known.get(key) ?? []);
  }

  #remember(key: string, passages: Passages): void {
    this.#read.delete(key);
    this.#read.set(key, passages);
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= MAX_REMEMBERED) return;
      this.#read.delete(oldest);
    }
  }
}
