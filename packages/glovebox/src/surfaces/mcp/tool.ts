import type { Glovebox, Session } from "@glovebox/sdk";
import type { z } from "zod";
import { Id } from "../operations/fields.ts";
import type { OperationId } from "../operations/index.ts";

/** What a tool's work sees of the call. */
export interface ToolCall {
  /** Acts as the caller: each request of it is authenticated, authorised, counted and audited like any other. */
  readonly box: Glovebox;
  /** The session of this id, or without one the caller's own sandbox, made when it is first needed. Errors: `not_found`. */
  session(id: string | undefined): Promise<Session>;
  /** Aborts when the caller cancels the call or is gone. */
  readonly signal: AbortSignal;
  /** Does the work while the caller is told, where it asked to be, that it goes on. */
  whileTelling<T>(what: string, work: () => Promise<T>): Promise<T>;
}

/** What a tool answers. What came out of a sandbox is only ever a string in it. */
export interface ToolAnswer<T> {
  readonly structured: T;
  /** For the model, each a block of its own: our words first, then, never in the same block, what programs wrote. */
  readonly text: readonly string[];
  /** The work was done and did not go well, such as a program that failed. */
  readonly failed?: boolean;
}

/** One tool, made from operations. */
export interface Tool<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Those that a call may use: what the caller must be allowed to. */
  readonly operations: readonly OperationId[];
  readonly input: I;
  readonly output: O;
  /** It changes nothing. */
  readonly readOnly?: true;
  /** It may undo or overwrite what is there. */
  readonly destructive?: true;
  run(args: z.output<I>, call: ToolCall): Promise<ToolAnswer<z.input<O>>>;
}

/** Ties a tool's work to its schemas. */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): Tool {
  return tool as unknown as Tool;
}

/** What every tool that works in a session takes. */
export const SessionArgument = {
  session: Id.optional().describe("The id of a session. Default: this client's own sandbox"),
};

/** What a call needs besides its operation: the session is looked up, or made. */
export const SESSION_OPERATIONS = ["sessions.get", "sessions.create"] as const satisfies readonly OperationId[];
