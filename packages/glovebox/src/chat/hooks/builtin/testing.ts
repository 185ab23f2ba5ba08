import type { Logger } from "../../../core/index.ts";
import { createRedactor } from "../../../governance/index.ts";
import type { ChainResult, HookContext, HookPoint, HookSubjects } from "../hook.ts";
import { runChain } from "../run-chain.ts";
import { builtinHook } from "./registry.ts";
import type { BuiltinHookServices } from "./services.ts";

export const CONTEXT: HookContext = {
  tenantId: "acme",
  conversationId: "c-1",
  runId: "r-1",
  assistant: "helper",
  request: "do it",
  signal: new AbortController().signal,
};

export interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** The house's own redactor, and a log that is kept in `lines`. */
export function stageServices(): BuiltinHookServices & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: Record<string, unknown>, message: string) => {
    lines.push({ level, fields, message });
  };
  const log: Logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => log,
  };
  return {
    lines,
    log,
    redactor: ({ strict, emails }) => createRedactor(strict ? "strict" : "default", { emails }),
  };
}

/** What a chain of this one hook comes to, so that its answers pass the schemas that all hooks' answers pass. */
export async function runBuiltin<P extends HookPoint>(
  point: P,
  name: string,
  options: unknown,
  subject: HookSubjects[P],
  services: BuiltinHookServices = stageServices(),
): Promise<ChainResult<P>> {
  return await runChain(point, builtinHook(name, options, services), subject, CONTEXT);
}
