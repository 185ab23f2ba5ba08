import type { DurableEngine } from "../../packages/glovebox/src/engine/index.ts";
import type { EngineSubject, MakeEngineSubject, OpenOptions } from "./subject.ts";

/**
 * Places of which only one has an engine open: some engines are one to a process. What a test leaves open, because it failed or took too long, is closed after it.
 */
export class OneAtATime {
  readonly #make: MakeEngineSubject;
  readonly #places = new Set<EngineSubject>();
  #open: DurableEngine | undefined;

  constructor(make: MakeEngineSubject) {
    this.#make = make;
  }

  async make(): Promise<EngineSubject> {
    const place = await this.#make();
    this.#places.add(place);
    const remove = async () => {
      this.#places.delete(place);
      await place[Symbol.asyncDispose]();
    };
    return { ...place, open: (options) => this.#openOn(place, options), [Symbol.asyncDispose]: remove };
  }

  /** Frees everything that was made. */
  async close(): Promise<void> {
    await this.#open?.close();
    for (const place of this.#places) await place[Symbol.asyncDispose]();
    this.#places.clear();
  }

  async #openOn(place: EngineSubject, options: OpenOptions | undefined): Promise<DurableEngine> {
    if (this.#open !== undefined) throw new Error("another engine is open: the suite opens one at a time");
    const engine = await place.open(options);
    this.#open = engine;
    const closeEngine = engine.close.bind(engine);
    const close: DurableEngine["close"] = async (how) => {
      await closeEngine(how);
      if (this.#open === engine) this.#open = undefined;
    };
    return Object.assign(engine, { close, [Symbol.asyncDispose]: () => close() });
  }
}
