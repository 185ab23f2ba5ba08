import { expect, it } from "vitest";
import type { ModelMessage } from "../../core/index.ts";
import { MAX_HISTORY_CHARS, MAX_HISTORY_MESSAGES, recentHistory } from "./history.ts";

const user = (text: string): ModelMessage => ({ role: "user", text });
const assistant = (text: string): ModelMessage => ({ role: "assistant", text });

it("keeps all of a short history", () => {
  const messages = [assistant("welcome"), user("a"), assistant("b")];
  expect(recentHistory(messages)).toEqual(messages);
  expect(recentHistory([])).toEqual([]);
});

it("keeps the newest of a long one, from a user's message on", () => {
  const many = Array.from({ length: MAX_HISTORY_MESSAGES + 3 }, (_, n) =>
    n % 2 === 0 ? user(`${n}`) : assistant(`${n}`),
  );
  const recent = recentHistory(many);
  expect(recent.at(-1)).toEqual(many.at(-1));
  expect(recent[0]).toEqual(user("4"));
  const long = "x".repeat(MAX_HISTORY_CHARS / 2);
  expect(recentHistory([user(long), assistant(long), user("a"), assistant("b")])).toEqual([user("a"), assistant("b")]);
  expect(recentHistory([user("a"), assistant(`${long}${long}`)])).toEqual([]);
});
