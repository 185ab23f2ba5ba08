import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ATTEMPTS } from "../escapes/attempts.ts";
import { useBubblewrap } from "../escapes/stage.ts";
import { Connections } from "./network-host.ts";
import { makeSandbox, python } from "./subject.ts";

const PRELUDE = readFileSync(resolve(import.meta.dirname, "../escapes/prelude.py"), "utf8");
/** There everything seems to answer, as it shall: what is reachable is tested in `network-bounds.ts`. */
const CONNECTING = "the network: other hosts, the metadata address, DNS";

const context = useBubblewrap();

/** A network takes away nothing of what holds code without one: the same attempts, and the same filter refuses them. */
describe("in a bubblewrap sandbox with a network nothing comes of", () => {
  const attempts = ATTEMPTS.filter(({ name }) => name !== CONNECTING);

  test("any of the attempts to escape", { timeout: 240_000 }, async () => {
    expect(attempts).toHaveLength(ATTEMPTS.length - 1);
    await using sandbox = await makeSandbox(context(), { network: new Connections() });
    for (const { name, code } of attempts) {
      const { stdout, ...end } = await python(sandbox, `${PRELUDE}\n${code}\nprint("TRIED")`);
      expect(stdout, name).not.toContain("ESCAPED");
      expect({ end, last: stdout.trim().split("\n").at(-1) }, name).toEqual({
        end: { code: 0, stderr: "" },
        last: "TRIED",
      });
    }
  });
});
