import { expect, test } from "vitest";
import type { CiJob } from "../../core/index.ts";
import type { CiLogLine } from "../runs/start-request.ts";
import { lastLinesOf } from "./last-lines.ts";

const job = {
  steps: [
    { number: 1, name: "a", outcome: "success" },
    { number: 2, name: "b", outcome: "failure" },
  ],
} as unknown as CiJob;

async function* log(...texts: readonly (readonly [step: number, text: string])[]): AsyncGenerator<CiLogLine> {
  for (const [number, text] of texts) {
    yield { atMs: 0, job: "j", step: { number, name: "" }, stream: "stdout", text, executionId: "", seq: 1 };
  }
}

test("the end of the failed step's output is found, however it came in pieces, and no other step's", async () => {
  expect(await lastLinesOf(job, log([1, "before\n"], [2, "one\ntw"], [2, "o\r\nthree\n\n"], [1, "after"]))).toEqual([
    "one",
    "two",
    "three",
  ]);
  const long = await lastLinesOf(
    job,
    log([2, `${"x".repeat(2_000_000)}\n`], ...Array.from({ length: 50 }, (_, at) => [2, `${at}\n`] as const)),
  );
  expect([long.length, long[0], long.at(-1)]).toEqual([20, "30", "49"]);
  expect(await lastLinesOf(job, log([2, "y".repeat(100_000)]))).toEqual(["y".repeat(500)]);
  expect(await lastLinesOf(job, log())).toEqual([]);
  expect(await lastLinesOf({ ...job, steps: [] }, log([2, "x"]))).toEqual([]);
});
