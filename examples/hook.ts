/**
 * Hooks of an assistant's own, as a module (docs/reference/hooks.md). The first has a person asked before code reads files that hold credentials; the second
 * shortens long output, so that the model sees how it begins and how it ends. An assistant names this file: `hooks: [{module: examples/hook.ts}]`.
 */
import type { Hook } from "glovebox/hooks";

const CREDENTIALS = [".env", ".aws/credentials", ".ssh/", ".netrc", "id_rsa"];

const credentialFiles: Hook<"pre_execution"> = {
  name: "credential-files",
  point: "pre_execution",
  run({ code }) {
    const named = CREDENTIALS.filter((path) => code.includes(path));
    if (named.length === 0) return { decision: "allow" };
    return { decision: "ask", prompt: `This code names ${named.join(" and ")}. May it run?` };
  },
};

/** Lines that stay at either end. */
const KEPT = 50;

const shortOutput: Hook<"post_execution"> = {
  name: "short-output",
  point: "post_execution",
  timeoutMs: 1_000,
  run(outcome) {
    const lines = outcome.stdout.split("\n");
    const left = lines.length - 2 * KEPT;
    if (left <= 0) return { decision: "allow" };
    const stdout = [...lines.slice(0, KEPT), `[${left} lines left out]`, ...lines.slice(-KEPT)].join("\n");
    return {
      decision: "modify",
      value: { ...outcome, stdout },
      notes: [{ code: "shortened", message: `${left} lines of stdout were left out` }],
    };
  },
};

export default [credentialFiles, shortOutput];
