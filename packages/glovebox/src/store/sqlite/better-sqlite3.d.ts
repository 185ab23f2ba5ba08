/** The part of better-sqlite3 that we use; the package brings no types of its own. */
declare module "better-sqlite3" {
  export type SqlValue = string | number | bigint | Uint8Array | null;

  export interface Statement {
    /** Whether it gives rows. */
    readonly reader: boolean;
    run(...parameters: readonly SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number | bigint };
    get(...parameters: readonly SqlValue[]): unknown;
    all(...parameters: readonly SqlValue[]): unknown[];
    iterate(...parameters: readonly SqlValue[]): IterableIterator<unknown>;
    /** Rows as their first column only. */
    pluck(): this;
    /** Rows as arrays. */
    raw(): this;
  }

  export default class Database {
    constructor(
      file: string,
      options?: { readonly readonly?: boolean; readonly fileMustExist?: boolean; readonly timeout?: number },
    );
    readonly inTransaction: boolean;
    readonly open: boolean;
    readonly name: string;
    prepare(sql: string): Statement;
    exec(sql: string): this;
    pragma(sql: string, options?: { readonly simple?: boolean }): unknown;
    close(): this;
  }
}
