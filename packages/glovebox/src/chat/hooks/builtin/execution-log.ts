import { createHash } from "node:crypto";
import { z } from "zod";
import { defineBuiltin, hookAt } from "./define-builtin.ts";
import { maskText } from "./mask-text.ts";

const NAME = "execution-log";
const TIMEOUT_MS = 5_000;

const Options = z.strictObject({
  level: z.enum(["debug", "info", "warn"]).default("info"),
  /** Whether the line has the code itself, redacted. */
  code: z.boolean().default(false),
  /** Whether the line has the output itself, redacted. */
  output: z.boolean().default(false),
  /** UTF-16 units of each that the line has at most. */
  maxLength: z.int().min(1).max(100_000).default(2_000),
});

/** Writes a line into the server's log for what ran: enough to tell two executions apart and to find one again, without its text. */
export const executionLog = defineBuiltin({
  name: NAME,
  description: "Writes a line into the log for each execution: language, status, time, and a hash of the code",
  points: ["post_execution"],
  options: Options,
  make: ({ level, code: withCode, output: withOutput, maxLength }, { log, redactor }) => {
    const masks = redactor({ strict: true, emails: true });
    return [
      hookAt("post_execution", NAME, TIMEOUT_MS, async (outcome, context) => {
        // Masked before it is cut: half a secret would not be known for one.
        const shown = (text: string) => maskText(masks, text, context.signal, maxLength);
        const { language, code, status, exitCode, durationMs, stdout, stderr } = outcome;
        const { tenantId, conversationId, runId, assistant } = context;
        const fields = {
          tenantId,
          conversationId,
          runId,
          assistant,
          language,
          status,
          ...(exitCode === undefined ? {} : { exitCode }),
          ...(durationMs === undefined ? {} : { durationMs }),
          codeSha256: createHash("sha256").update(code).digest("hex"),
          codeLength: code.length,
          stdoutLength: stdout.length,
          stderrLength: stderr.length,
          ...(withCode ? { code: await shown(code) } : {}),
          ...(withOutput ? { stdout: await shown(stdout), stderr: await shown(stderr) } : {}),
        };
        log[level](fields, "code of a conversation ran");
        return { decision: "allow" };
      }),
    ];
  },
});
