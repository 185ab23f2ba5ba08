import {
  type Half,
  type LabelledText,
  loadLabelledSet,
  type Reader,
  scoreSet,
} from "../../packages/glovebox/src/chat/extraction/labelled-set.ts";
import { extractCode } from "../../packages/glovebox/src/chat/index.ts";
import { type Case, timeEach } from "../harness.ts";

/**
 * How well blocks that should run are told from others, on both halves of the labelled set, at the threshold at which assistants run code
 * by themselves. The floor takes every fenced block whose tag names a language that runs, which is what a program without judgement does.
 */
const THRESHOLD = 0.8;
const set = loadLabelledSet();

const ours: Reader = (text, options) => extractCode(text, options);

const everyTaggedBlock: Reader = async (text, options) => {
  const extraction = await extractCode(text, options);
  const blocks = extraction.blocks.map((block) => ({
    ...block,
    confidence: block.form === "fenced" && block.tag !== null && block.language !== null ? 1 : 0,
  }));
  return { ...extraction, blocks };
};

function quality(half: Half, figure: "precision" | "recall", p50: number): Case {
  return {
    name: `extraction.${half}.${figure}`,
    unit: "%",
    target: { better: "higher", p50 },
    async run() {
      const texts = set.filter((one) => one.half === half);
      const score = await scoreSet(texts, ours, THRESHOLD);
      const floor = await scoreSet(texts, everyTaggedBlock, THRESHOLD);
      return {
        samples: [score[figure] * 100],
        floor: { name: "every fenced block with a known tag", samples: [floor[figure] * 100] },
      };
    },
  };
}

/** Of one answer, in the thread, as a chat turn waits for it. */
const time: Case = {
  name: "extraction.answer",
  unit: "ms",
  async run() {
    const one = (index: number): LabelledText | undefined => set[Math.abs(index) % set.length];
    const samples = await timeEach(set.length, 20, async (index) => {
      await extractCode(one(index)?.text ?? "");
    });
    const floor = await timeEach(100, 20, async () => {
      await extractCode("");
    });
    return { samples, floor: { name: "an empty text there and back", samples: floor } };
  },
};

export const extraction: readonly Case[] = [
  quality("tune", "precision", 97),
  quality("tune", "recall", 90),
  quality("held-out", "precision", 97),
  quality("held-out", "recall", 90),
  time,
];
