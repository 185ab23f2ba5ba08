import { lineFacts } from "../debug/localise/line-facts.ts";
import { mutations } from "../debug/mutations/mutate.ts";
import { reviewFacts } from "../design-review/review-facts.ts";
import { findProblems } from "../static-analysis/find-problems.ts";
import { ruffFixed } from "../static-analysis/ruff.ts";
import { check } from "./check.ts";
import { format } from "./format.ts";
import { outline } from "./outline/outline.ts";
import { testsWeakened } from "./weakened/tests-weakened.ts";

/** What code threads can be asked for: pure functions of plain data. Whoever adds one bounds its answer. */
export const calls = {
  check,
  findProblems,
  format,
  lineFacts,
  mutations,
  outline,
  reviewFacts,
  ruffFixed,
  testsWeakened,
};
