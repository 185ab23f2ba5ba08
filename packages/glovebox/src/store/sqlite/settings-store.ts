import type { SettingsStore } from "../store.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

export class SqliteSettingsStore implements SettingsStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async get(key: string): Promise<unknown> {
    const row = this.#reader.first(query.selectFrom("settings").select("value").where("key", "=", key));
    return row === undefined ? undefined : JSON.parse(row.value);
  }

  /** `undefined` removes it. */
  async set(key: string, value: unknown): Promise<void> {
    const text: string | undefined = JSON.stringify(value);
    await this.#writes.run("setting", [
      {
        query:
          text === undefined
            ? query.deleteFrom("settings").where("key", "=", key)
            : query
                .insertInto("settings")
                .values({ key, value: text })
                .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: text })),
      },
    ]);
  }
}
