import { GloveboxError } from "../../core/index.ts";
import type { Difference } from "../replay-report.ts";
import type { Operation } from "./operation.ts";

/** Thrown at the first decision that differs. */
export class Divergence extends GloveboxError {
  readonly difference: Difference;

  constructor(difference: Difference) {
    const at = difference.step === undefined ? "" : ` (${difference.step})`;
    super("journal_mismatch", `the program decided otherwise than record ${difference.seq}${at} of its journal says`, {
      details: { ...difference },
    });
    this.difference = difference;
  }
}

export function describeOperation({ path, kind, inputHash }: Operation): Record<string, string> {
  return { step: path, kind, inputHash };
}
