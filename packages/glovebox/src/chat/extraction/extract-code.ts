import { processThreads } from "../worker/process-threads.ts";
import { checkExtract } from "./options.ts";
import type { Extraction, ExtractOptions } from "./types.ts";

/**
 * Finds the code in a model's answer or a user's text, and says how sure it is that each block is meant to run. Nothing is run. The text
 * is read in a thread of its own, for at most 15 s of processor time. Errors: `payload_too_large` for more than 1,000,000 UTF-16 units or for what takes too
 * long, `invalid_argument`, `queue_full`, `cancelled`.
 */
export async function extractCode(
  text: string,
  options: ExtractOptions = {},
  signal?: AbortSignal,
): Promise<Extraction> {
  checkExtract(text, options);
  return await processThreads.read("extract", { text, options }, signal);
}
