import type { TurnExecution } from "../services.ts";

/** What a model is told of one result, bytes of UTF-8 at most; the rest is left out, and it is told so. */
export const MAX_RESULT_BYTES = 16_384;

/** How an execution came out, as a model is told. */
export function resultText({ status, exitCode, stdout, stderr, value, truncated, rolledBack }: TurnExecution): string {
  const parts = [
    `status: ${status}${exitCode === undefined || exitCode === 0 ? "" : `, exit code ${exitCode}`}`,
    ...(rolledBack ? ["the workspace was put back into its last good state"] : []),
    ...(stdout === "" ? [] : [`stdout:\n${stdout}`]),
    ...(stderr === "" ? [] : [`stderr:\n${stderr}`]),
    ...(value === undefined ? [] : [`value: ${value}`]),
    ...(truncated ? ["(some of the output is left out)"] : []),
  ];
  return bounded(parts.join("\n"));
}

/** The beginning and the end of a text that is too long: errors stand at the end. */
export function bounded(text: string, max = MAX_RESULT_BYTES): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= max) return text;
  const half = Math.floor(max / 2) - 64;
  const [head, tail] = [bytes.subarray(0, half), bytes.subarray(bytes.length - half)];
  // A character that was cut in two is left out whole.
  const whole = (part: Buffer) => part.toString("utf8").replace(/^\uFFFD+|\uFFFD+$/g, "");
  return `${whole(head)}\n[${bytes.length - 2 * half} bytes left out]\n${whole(tail)}`;
}
