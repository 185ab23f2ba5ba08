import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { expect, type Stop } from "./tour-stops.ts";

const PATIENCE_MS = 60_000;
/** A repository with one fault: what should be taken off is added. */
const FILES: Readonly<Record<string, string>> = {
  "price.py": `def discounted(cents, percent):
    """The price after a discount, in cents."""
    return round(cents + cents * percent / 100)
`,
  "test_price.py": `import unittest

from price import discounted


class PriceTest(unittest.TestCase):
    def test_discount(self):
        self.assertEqual(discounted(1000, 10), 900)

    def test_none(self):
        self.assertEqual(discounted(1000, 0), 1000)
`,
};

/** Agents find the fault that makes the tests of a repository fail, and repair it, without a model. */
export const fixFailing: Stop = {
  title: "agents find why tests fail, and repair it",
  async show(box) {
    const tar = pack();
    for (const [name, text] of Object.entries(FILES)) tar.entry({ name }, text);
    tar.finalize();
    const { sha256 } = await box.flows.upload(Readable.toWeb(Readable.from(tar)) as ReadableStream<Uint8Array>);
    const repository = { kind: "archive", sha256 } as const;
    const { run } = await box.flows.start({ flow: "fix-failing", setup: { repository } });
    await box.runs.wait(run.id, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const { status, reason, diff, tests } = await box.flows.run(run.id);
    expect(status === "completed" && tests?.status === "passed", `the flow came to ${status}: ${reason}`);
    const changed = diff.split("\n").filter((line) => /^[-+](?![-+])/.test(line));
    return {
      text: `${changed.map((line) => `${line[0]} ${line.slice(1).trim()}`).join("  ")}  → ${tests?.passed} tests pass`,
    };
  },
};
