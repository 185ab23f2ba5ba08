import type { Sandbox } from "../../driver.ts";

/** What a synchronous call gives on success: JSON text, or bytes. */
export interface CallResult {
  readonly json?: string;
  readonly bytes?: Uint8Array;
}

/** What the functions behind the host modules work with. */
export interface CallContext {
  /** The helper sandbox, made if need be. */
  helper(): Promise<Sandbox>;
  /** Aborted when the execution that calls is interrupted or its kernel ends. */
  readonly signal: AbortSignal;
}

export const NOTHING: CallResult = { json: "null" };
