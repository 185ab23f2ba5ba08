import { Readable } from "node:stream";
import type { FlowRun, FlowStart, Glovebox } from "@glovebox/sdk";
import { pack } from "tar-stream";

type Files = Readonly<Record<string, string>>;

/** One fault: the last number is never counted. */
export const PYTHON: Files = {
  "ranges.py": `"""Sums over ranges."""


def total(numbers):
    """The sum of all numbers."""
    result = 0
    for index in range(len(numbers) - 1):
        result += numbers[index]
    return result


def mean(numbers):
    """Their mean; 0 for none."""
    return total(numbers) / len(numbers) if numbers else 0
`,
  "test_ranges.py": `import unittest

from ranges import mean, total


class RangesTest(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(total([]), 0)

    def test_some(self):
        self.assertEqual(total([1, 2, 3]), 6)

    def test_mean(self):
        self.assertEqual(mean([2, 4]), 3)
`,
};

/** One fault: what should be taken off is added. */
export const TYPESCRIPT: Files = {
  "package.json": '{"name": "shop", "type": "module", "private": true, "scripts": {"test": "node --test"}}\n',
  "price.ts": `/** The price after a discount, in cents; never below zero. */
export function discounted(cents: number, percent: number): number {
  const off = (cents * percent) / 100;
  return Math.max(0, Math.round(cents + off));
}

/** Whether it is free to send. */
export function isFree(cents: number): boolean {
  return cents >= 5000;
}
`,
  "price.test.ts": `import assert from "node:assert/strict";
import { test } from "node:test";
import { discounted, isFree } from "./price.ts";

test("a discount is taken off", () => assert.equal(discounted(1000, 10), 900));
test("nothing off", () => assert.equal(discounted(1000, 0), 1000));
test("free from 50", () => {
  assert.equal(isFree(5000), true);
  assert.equal(isFree(4999), false);
});
`,
};

/** No small change makes a word of a number. */
export const UNFIXABLE: Files = {
  "words.py": `def word(number):
    names = {1: "one"}
    return names.get(number, "many")
`,
  "test_words.py": `import unittest

from words import word


class WordsTest(unittest.TestCase):
    def test_one(self):
        self.assertEqual(word(1), "one")

    def test_more(self):
        self.assertEqual([word(n) for n in range(2, 6)], ["two", "three", "four", "five"])
`,
};

/** Its tests go on for as long as nobody ends them. */
export const SLOW: Files = {
  "slow.py": "def answer():\n    return 42\n",
  "test_slow.py": `import subprocess
import unittest


class SlowTest(unittest.TestCase):
    def test_slow(self):
        subprocess.run(["sleep", "987123"])
`,
};

/** Uploads a repository: the same files are the same upload. */
export async function uploadRepository(box: Glovebox, files: Files) {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, text);
  tar.finalize();
  const { sha256 } = await box.flows.upload(Readable.toWeb(Readable.from(tar)) as ReadableStream<Uint8Array>);
  return { kind: "archive" as const, sha256 };
}

/** Starts a flow on a repository of these files. */
export async function startFlow(box: Glovebox, files: Files, start: FlowStart): Promise<string> {
  const repository = await uploadRepository(box, files);
  return (await box.flows.start({ ...start, setup: { repository, ...start.setup } })).run.id;
}

export async function runFlow(box: Glovebox, files: Files, start: FlowStart): Promise<FlowRun> {
  const id = await startFlow(box, files, start);
  await box.runs.wait(id, { signal: AbortSignal.timeout(180_000) });
  return box.flows.run(id);
}

const DECISIONS = new Set([
  "step.started",
  "step.completed",
  "step.failed",
  "signal.waiting",
  "run.completed",
  "run.failed",
]);

/**
 * What a run decided and was answered, by step, without times and names of its own: two runs of one flow on one repository have the same. Runs that crashes cut have
 * it `cut`: without the attempts that it took.
 */
export async function decisionsOf(box: Glovebox, id: string, { cut = false } = {}): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { type, step = "", attempt, payload } of box.runs.follow(id)) {
    if (!DECISIONS.has(type) || (cut && type === "step.started")) continue;
    const { idempotencyKey: _key, dueMs: _due, ...said } = payload as Record<string, unknown>;
    found.push(JSON.stringify([step, type, cut ? 0 : (attempt ?? 0), said]));
  }
  return found.sort();
}

/** Steps that were done to their end, and how often. */
export async function completions(box: Glovebox, id: string): Promise<ReadonlyMap<string, number>> {
  const counted = new Map<string, number>();
  for await (const { type, step = "" } of box.runs.follow(id)) {
    if (type === "step.completed") counted.set(step, (counted.get(step) ?? 0) + 1);
  }
  return counted;
}
