import { GloveboxError, isGloveboxError } from "../core/index.ts";
import { extractCode } from "./extraction/extract-code.ts";
import type { CodeBlock, Extraction, TextSource } from "./extraction/types.ts";
import type { Finding } from "./validation/types.ts";
import { validateCode } from "./validation/validate-code.ts";

/** What should happen to a block, and why. */
export interface JudgedBlock extends CodeBlock {
  readonly decision: "execute" | "shown" | "blocked";
  readonly reason: string;
  /** The rule that decided. */
  readonly rule?: string;
  readonly findings: readonly Finding[];
}

export interface JudgedText extends Omit<Extraction, "blocks"> {
  readonly blocks: readonly JudgedBlock[];
}

export interface JudgeOptions {
  /** Whether any block may be executed. */
  readonly autoExecute: boolean;
  /** From this confidence on. */
  readonly threshold: number;
  readonly from?: TextSource;
  /** What the user asked, to which the text is the answer. */
  readonly request?: string;
}

/** Finds the code in a text and decides about each block without asking anybody: what would need a person's word is only shown. Runs nothing. Errors: `payload_too_large`, `queue_full`, `cancelled`. */
export async function judgeBlocks(text: string, options: JudgeOptions, signal?: AbortSignal): Promise<JudgedText> {
  const { threshold, from, request } = options;
  const { blocks, ...rest } = await extractCode(
    text,
    {
      executeThreshold: threshold,
      askThreshold: Math.min(0.5, threshold),
      ...(from !== undefined && { from }),
      ...(request !== undefined && { request }),
    },
    signal,
  );
  const judged: JudgedBlock[] = [];
  for (const block of blocks) judged.push({ ...block, ...(await judge(block, options, signal)) });
  return { ...rest, blocks: judged };
}

type Judgement = Pick<JudgedBlock, "decision" | "reason" | "rule" | "findings">;

async function judge(
  { language, code, confidence }: CodeBlock,
  { autoExecute, threshold }: JudgeOptions,
  signal: AbortSignal | undefined,
): Promise<Judgement> {
  if (language === null) return { decision: "shown", reason: "it is in no language that runs here", findings: [] };
  const checked = await validateCode(code, language, {}, signal).catch((error: unknown) => {
    if (isGloveboxError(error, "payload_too_large")) return error;
    throw error;
  });
  if (checked instanceof GloveboxError) return { decision: "blocked", reason: checked.message, findings: [] };
  const { decision, findings } = checked;
  const deciding = findings.find((finding) => finding.decision === decision);
  if (deciding !== undefined && decision !== "allow") {
    const what = { rule: deciding.ruleId, findings };
    if (decision === "block") return { decision: "blocked", reason: deciding.message, ...what };
    return { decision: "shown", reason: `a person must approve it: ${deciding.message}`, ...what };
  }
  if (!autoExecute) return { decision: "shown", reason: "autoExecute is off", findings };
  const isSure = confidence >= threshold;
  const compared = `its confidence ${confidence.toFixed(2)} is ${isSure ? "at least" : "below"} ${threshold}`;
  return { decision: isSure ? "execute" : "shown", reason: compared, findings };
}
