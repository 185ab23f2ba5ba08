import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { tokensOf } from "../text/tokens.ts";
import { hashingVector } from "./hashing-embedder.ts";

const digest = (text: string) => {
  const { buffer } = hashingVector(tokensOf(text));
  return createHash("sha256").update(new Uint8Array(buffer)).digest("hex").slice(0, 16);
};

test.each([
  ["words, in parts", "readConfig(path) the quick brown fox; the slow one", "121895100896af96"],
  ["thousands of features", Array.from({ length: 900 }, (_, n) => `word${n % 700}x`).join(" "), "f06e3c7f415bc56f"],
  ["nothing", "", "80422bc3d307b4a2"],
])("vectors are the same for ever, since stores have them on disk: %s", (_, text, expected) => {
  expect(digest(text)).toBe(expected);
});
