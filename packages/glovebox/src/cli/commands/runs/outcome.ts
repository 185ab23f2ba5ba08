import { GloveboxError, type RunResult } from "@glovebox/sdk";
import { EXIT, ExitError } from "../../failure.ts";
import { type Format, jsonText, printJson } from "../../render/print.ts";
import { printable } from "../../render/printable.ts";
import { statusText } from "../../render/run.ts";

/** Shows what a run came to: its output as JSON. A failure is reported as any other, with the exit code of its error. */
export function showOutcome({ run, output }: RunResult, format: Format): void {
  if (format === "json") printJson({ run, ...(output !== undefined && { output }) });
  else if (run.status === "completed") process.stdout.write(`${jsonText(output ?? null, 2)}\n`);
  if (run.status === "completed") return;
  if (run.error === undefined) {
    if (format !== "json") process.stdout.write(`${statusText(run)}\n`);
    return;
  }
  if (format === "json") throw new ExitError(run.status === "cancelled" ? 130 : EXIT.failed);
  const { code, message, details } = run.error;
  throw new GloveboxError(
    code,
    `run ${run.id} ${run.status}: ${printable(String(message))}`,
    details === undefined ? {} : { details },
  );
}
