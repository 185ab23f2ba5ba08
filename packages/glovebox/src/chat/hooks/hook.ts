import type { Execution, Language } from "../../core/index.ts";
import type { ModelMessage } from "../../models/index.ts";

export const HOOK_POINTS = ["pre_llm", "post_llm", "pre_execution", "post_execution"] as const;
export type HookPoint = (typeof HOOK_POINTS)[number];

/** Code that is about to run, or ran. */
export interface HookCode {
  readonly language: Language;
  readonly code: string;
  /** It is no code, but a tool that reaches beyond the sandbox; `code` is the command that does the same. What a hook puts in place of `input` counts, not what it puts in place of `code`. */
  readonly tool?: HookTool;
}

export interface HookTool {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What an execution showed, as the model and the user will see it. */
export interface HookOutcome extends HookCode {
  readonly status: Execution["status"];
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Where the execution tells. */
  readonly durationMs?: number;
}

/** What a hook sees, and what it may put in its place. */
export interface HookSubjects {
  readonly pre_llm: { readonly messages: readonly ModelMessage[] };
  readonly post_llm: { readonly text: string };
  readonly pre_execution: HookCode;
  readonly post_execution: HookOutcome;
}

export interface HookContext {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly runId: string;
  readonly assistant: string;
  /** What the user asked in this turn. */
  readonly request: string;
  /** Aborts when the hook's time is over, or the turn is to end. */
  readonly signal: AbortSignal;
}

export interface Note {
  readonly code: string;
  readonly message: string;
}

export type HookAnswer<P extends HookPoint> = (
  | { readonly decision: "allow" }
  /** Ends the chain: what was looked at does not happen. */
  | { readonly decision: "block"; readonly reason: string }
  /** The next hook, and then the turn, get `value` instead. */
  | { readonly decision: "modify"; readonly value: HookSubjects[P]; readonly reason?: string }
  /** Ends the chain: a person decides. */
  | { readonly decision: "ask"; readonly prompt: string }
) & {
  /** Told to whoever reads the turn; at most 20. */
  readonly notes?: readonly Note[];
};

/** Sees work before or after it happens. One that throws, answers nonsense or exceeds its time blocks. */
export interface Hook<P extends HookPoint = HookPoint> {
  readonly name: string;
  readonly point: P;
  /** Milliseconds; default 5,000. */
  readonly timeoutMs?: number;
  run(subject: HookSubjects[P], context: HookContext): HookAnswer<P> | Promise<HookAnswer<P>>;
}

/** What a hook decided, as events and the turn's answer show it. */
export interface HookDecision {
  readonly hook: string;
  readonly point: HookPoint;
  readonly decision: "allow" | "block" | "modify" | "ask";
  readonly reason?: string;
  readonly notes: readonly Note[];
}

/** What a chain of hooks came to. */
export type ChainResult<P extends HookPoint> = { readonly decisions: readonly HookDecision[] } & (
  | { readonly outcome: "allow"; readonly value: HookSubjects[P] }
  | { readonly outcome: "block"; readonly hook: string; readonly reason: string }
  | { readonly outcome: "ask"; readonly hook: string; readonly prompt: string; readonly value: HookSubjects[P] }
);
