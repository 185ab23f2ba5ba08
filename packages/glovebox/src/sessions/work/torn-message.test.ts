import { expect, test } from "vitest";
import { TornMessage } from "./torn-message.ts";

const VALUE = '{"t":"value","id":"r","type":"int","preview":"42","json":42}\n';
const DONE = '{"t":"done","id":"r"}\n';

/** What is given on of `text`, fed in pieces of `size` bytes, and how often a loss was told. */
function pass(text: string, size: number): { given: string; lost: number } {
  const torn = new TornMessage();
  let given = "";
  let lost = 0;
  for (let at = 0; at < text.length; at += size) {
    const piece = torn.pass(Buffer.from(text.slice(at, at + size)), () => {
      lost += 1;
    });
    given += Buffer.from(piece).toString();
  }
  return { given, lost };
}

test.each([1, 7, 1000])("a whole message is kept, in pieces of %i bytes", (size) => {
  expect(pass(VALUE + DONE, size)).toEqual({ given: VALUE + DONE, lost: 0 });
});

test.each([1, 7, 1000])("the rest of a message is passed over and told once, in pieces of %i bytes", (size) => {
  expect(pass(`and more of it"}\n${VALUE}${DONE}`, size)).toEqual({ given: VALUE + DONE, lost: 1 });
  // It may look like a message's beginning.
  expect(pass(`{"x":1}]}\n${VALUE}`, size)).toEqual({ given: VALUE, lost: 1 });
});

test("a rest that does not end is not held", () => {
  const torn = new TornMessage();
  for (let i = 0; i < 10; i += 1) torn.pass(Buffer.alloc(65_536, "x"), () => {});
  expect(torn.heldBytes).toBe(0);
});
