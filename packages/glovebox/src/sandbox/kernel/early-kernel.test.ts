import { describe, expect, it } from "vitest";
import { KERNEL_LOAD_ENV } from "./languages.ts";
import { TestKernel } from "./test-kernel.ts";

/** Of each language: code whose value tells what an earlier input would have left, and what it is when there was none. */
const TRACES = [
  ["python", "import os\n[os.environ.get('GLOVEBOX_KERNEL_LOAD'), '_' in dir(__builtins__)]", [null, false]],
  ["javascript", "[process.env.GLOVEBOX_KERNEL_LOAD ?? null, /input-1\\b/.test(new Error().stack)]", [null, true]],
  ["bash", '[[ -z "$GLOVEBOX_KERNEL_LOAD" && -z "$(jobs)" ]]', 0],
] as const;

/** Of each language: code that fails, and where it says that it did. */
const PLACES = [
  ["python", "1/0", /<input 2>/],
  ["javascript", "null.x", /input-2/],
] as const;

describe.each(TRACES)("a %s kernel that is started before anybody needs it", (language, code, value) => {
  it("loads and rehearses what an answer takes, without a trace", async () => {
    await using kernel = new TestKernel(language, { env: { [KERNEL_LOAD_ENV]: "1" } });
    const rehearsed = await kernel.run(language === "bash" ? ":" : "1", { mode: "rehearsal" });
    expect([rehearsed.ending.t, rehearsed.stdout, rehearsed.stderr]).toEqual(["value", "", ""]);
    expect((await kernel.run(code)).ending).toMatchObject({ json: value });
  });
});

it.each(PLACES)("a rehearsal of the %s kernel is not counted as an input", async (language, code, place) => {
  await using kernel = new TestKernel(language);
  await kernel.run("1", { mode: "rehearsal" });
  await kernel.run("1");
  const { ending } = await kernel.run(code);
  expect("stack" in ending && ending.stack).toMatch(place);
});

it("the Python kernel has loaded what describes values and failures only when it is told to", async () => {
  const loaded = "import sys\n'traceback' in sys.modules";
  for (const [env, expected] of [
    [{}, false],
    [{ [KERNEL_LOAD_ENV]: "1" }, true],
  ] as const) {
    await using kernel = new TestKernel("python", { env });
    expect((await kernel.run(loaded)).ending).toMatchObject({ json: expected });
  }
});
