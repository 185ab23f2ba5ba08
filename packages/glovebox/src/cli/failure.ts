import { type Colours, coloursFor } from "./render/colours.ts";

/** The exit codes of every command. `run` and `exec` give the program's own code besides. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, denied: 4, unavailable: 5 } as const;

/** The command line cannot be understood, or asks for what makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Ends the command with this code, everything having been said. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** What can be told of any error: those of the domain and of the SDK have a code. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
  readonly requestId?: string;
  readonly hint?: string;
  readonly exitCode: number;
}

const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  usage: EXIT.usage,
  invalid_argument: EXIT.usage,
  filters_invalid: EXIT.usage,
  not_found: EXIT.notFound,
  unauthenticated: EXIT.denied,
  permission_denied: EXIT.denied,
  policy_denied: EXIT.denied,
  unavailable: EXIT.unavailable,
  isolation_unavailable: EXIT.unavailable,
  language_unavailable: EXIT.unavailable,
  model_unavailable: EXIT.unavailable,
  forge_unavailable: EXIT.unavailable,
  timeout: 124,
  deadline_exceeded: 124,
  cancelled: 130,
};

const HINTS: Readonly<Record<string, string>> = {
  unauthenticated: "give a token with --token or GLOVEBOX_TOKEN; `glovebox up` shows the root token at its first start",
  permission_denied: "`glovebox token whoami` tells what this token may do",
  isolation_unavailable: "`glovebox doctor` tells what works on this machine, and why the rest does not",
  language_unavailable: "`glovebox doctor` tells which languages work in which isolation",
  limits_unenforceable:
    "`glovebox doctor` tells how limits are applied here; `--allow-partial` runs without the missing ones",
  session_busy: "wait for the other execution, cancel it, or queue behind it with --queue",
  template_in_use: "close the sessions made from it first: `glovebox session list --template NAME`",
  version_conflict: "somebody changed it meanwhile: read it again",
};

export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) {
    return { code: "usage", message: error.message, exitCode: EXIT.usage, ...(error.hint && { hint: error.hint }) };
  }
  if (!(error instanceof Error)) return { code: "internal", message: String(error), exitCode: EXIT.failed };
  const { code, details, requestId } = error as Error & { code?: unknown; details?: unknown; requestId?: unknown };
  const known = typeof code === "string" && error.name === "GloveboxError" ? code : systemCode(error, code);
  const hint = hintFor(known, error.message, details);
  return {
    code: known,
    message: error.message,
    exitCode: EXIT_BY_CODE[known] ?? EXIT.failed,
    ...(details !== undefined && { details }),
    ...(typeof requestId === "string" && { requestId }),
    ...(hint !== undefined && { hint }),
  };
}

/** Errors of the system that a user can do something about. */
function systemCode(error: Error, code: unknown): string {
  if (error.name === "AbortError") return "cancelled";
  if (code === "ENOENT") return "not_found";
  if (code === "EACCES" || code === "EPERM") return "permission_denied";
  if (code === "EADDRINUSE" || code === "EADDRNOTAVAIL") return "unavailable";
  return "internal";
}

function hintFor(code: string, message: string, details: unknown): string | undefined {
  const given = typeof details === "object" && details !== null ? (details as { hint?: unknown }).hint : undefined;
  if (typeof given === "string") return given;
  if (message.startsWith("cannot reach ")) return "start a server with `glovebox up`, or name another one with --url";
  return HINTS[code];
}

/** Says on stderr what went wrong, and gives the exit code. */
export function reportFailure(error: unknown, options: { readonly json: boolean }): number {
  if (error instanceof ExitError) return error.exitCode;
  const failure = failureOf(error);
  if (options.json) {
    const { exitCode: _, ...body } = failure;
    process.stderr.write(`${JSON.stringify({ error: body })}\n`);
  } else {
    process.stderr.write(failureText(failure, coloursFor(process.stderr)));
  }
  if (process.env.GLOVEBOX_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return failure.exitCode;
}

export function failureText(failure: Failure, colours: Colours): string {
  const lines = [`${colours.red("glovebox:")} ${failure.message}`];
  if (failure.code !== "usage" && failure.code !== "internal") lines[0] += colours.dim(` (${failure.code})`);
  if (failure.requestId !== undefined) lines.push(colours.dim(`  request ${failure.requestId}`));
  if (failure.hint !== undefined) lines.push(`  ${colours.cyan("hint:")} ${failure.hint}`);
  return `${lines.join("\n")}\n`;
}
