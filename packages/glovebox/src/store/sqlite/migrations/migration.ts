/** One step forward of a database's schema. Released steps never change; there is no way back. */
export interface Migration {
  /** Contiguous from 1; kept in the database's `user_version`. */
  readonly version: number;
  readonly sql: string;
}
