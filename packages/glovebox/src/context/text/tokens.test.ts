import { expect, test } from "vitest";
import { tokensOf } from "./tokens.ts";

test.each([
  ["parseHTTPQuery2", ["parsehttpquery2", "parse", "http", "query", "2"]],
  ["snake_case_name", ["snake_case_name", "snake", "case", "name"]],
  ["src/foo-bar.test.ts", ["src", "foo", "bar", "test", "ts"]],
  ["$el _x", ["$el", "el", "_x", "x"]],
  ["Élan ﬁle ＡＢ", ["elan", "file", "ab"]],
  ["日本語 слово", ["日本語", "слово"]],
  ['" OR * NEAR(a', ["or", "near", "a"]],
  ["", []],
])("%j", (text, tokens) => {
  expect(tokensOf(text)).toEqual(tokens);
});

test("a long word is cut", () => {
  expect(tokensOf("a".repeat(1_000))).toEqual(["a".repeat(64)]);
});
