import { expect, test } from "vitest";
import { z } from "zod";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { embeddedSubject } from "./embedded-subject.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { TENANT } from "./subject.ts";
import { checkKnown } from "./suite.ts";

test("a known failure must be a test of its part, and say why", () => {
  const defined = new Set(["waiting: one"]);
  const check = (known: Record<string, string>) => checkKnown(["waiting"], known, defined);
  check({ "waiting: one": "has no clock", "journal: of another file": "has no journal" });
  expect(() => check({ "waiting: two": "gone" })).toThrow("there is no test waiting: two");
  expect(() => check({ "nowhere: one": "gone" })).toThrow("there is no test nowhere: one");
  expect(() => check({ "waiting: one": "" })).toThrow("without a reason");
});

test("one engine is open at a time, and what a test leaves open is closed after it", async () => {
  const places = new OneAtATime(embeddedSubject);
  const [first, second] = [await places.make(), await places.make()];
  const left = await first.open();
  await expect(second.open()).rejects.toThrow("one at a time");
  await places.close();
  const program = defineProgram({ name: "p", version: "1", input: z.null(), output: z.null(), run: async () => null });
  await expect(left.start(program, null, { tenantId: TENANT })).rejects.toMatchObject({ code: "unavailable" });
  const third = await places.make();
  await using _engine = await third.open();
  await places.close();
});
