import type { CiConclusion } from "../../core/index.ts";

/** What jobs came to together. */
export function conclusionOf(results: readonly CiConclusion[], isCancelled: boolean): CiConclusion {
  if (results.includes("failure")) return "failure";
  if (isCancelled || results.includes("cancelled")) return "cancelled";
  return results.length > 0 && results.every((result) => result === "skipped") ? "skipped" : "success";
}
