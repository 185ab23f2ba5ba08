import { stripTypeScriptTypes } from "node:module";

/** The compiler's memory is outside of the engine's: what it is given is bounded instead. */
const MAX_SOURCE = 1_048_576;

/** A TypeScript source that cannot be turned into JavaScript. */
export class TypeScriptError extends Error {
  override readonly name = "SyntaxError";
  readonly line: number | undefined;

  constructor(message: string, line: number | undefined) {
    super(message);
    this.line = line;
  }
}

/** Removes the types. Lines stay where they were, unless the code has enums or namespaces, which are turned into code. */
export function stripTypes(source: string): string {
  if (source.length > MAX_SOURCE)
    throw new TypeScriptError(`TypeScript of more than ${MAX_SOURCE} characters`, undefined);
  try {
    return stripTypeScriptTypes(source, { mode: "strip" });
  } catch (error) {
    if (codeOf(error) !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw toSyntaxError(error);
  }
  try {
    return stripTypeScriptTypes(source, { mode: "transform" });
  } catch (error) {
    throw toSyntaxError(error);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function toSyntaxError(error: unknown): TypeScriptError {
  if (!(error instanceof Error)) return new TypeScriptError(String(error), undefined);
  // The stack begins with `:<line>`, then the line itself.
  const line = /^[^\n]*:(\d+)\n/.exec(error.stack ?? "")?.[1];
  return new TypeScriptError(
    error.message.split("\n")[0]?.trim() || "invalid TypeScript",
    line ? Number(line) : undefined,
  );
}
