import { expect, test } from "vitest";
import { wordsOfRun } from "./leading-words.ts";

test.each([
  [["run", "a.py"], ["a.py"]],
  [
    ["--json", "--url", "http://h", "run", "a.py", "run"],
    ["--json", "--url", "http://h", "a.py", "run"],
  ],
  [["--data=x", "run"], ["--data=x"]],
  [["session", "run"], undefined],
  [["--url", "run"], undefined],
  [["--frob", "run"], undefined],
  [[], undefined],
])("of %j the run is %j", (words, expected) => {
  expect(wordsOfRun(words)).toEqual(expected);
});
