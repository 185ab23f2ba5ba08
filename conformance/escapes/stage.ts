import { afterAll, beforeAll, beforeEach } from "vitest";
import { makeBubblewrapSubject } from "../drivers/bubblewrap-subject.ts";
import type { SuiteContext } from "../drivers/subject.ts";

/**
 * A bubblewrap driver for the tests of a file, which are skipped where it does not work. `prepare` sets the file's own
 * stage on it. Read the context inside tests only: it is made before the first.
 */
export function useBubblewrap(prepare?: (context: SuiteContext) => Promise<void>): () => SuiteContext {
  let made: SuiteContext | undefined;
  let missing = "";
  beforeAll(async () => {
    const subject = makeBubblewrapSubject();
    const probed = await subject.driver.probe();
    if (probed.available) {
      made = { subject, capabilities: probed.capabilities };
      await prepare?.(made);
    } else {
      missing = probed.reason;
      await subject.dispose();
    }
  });
  beforeEach(({ skip }) => skip(made === undefined, `isolation bubblewrap: ${missing}`));
  afterAll(() => made?.subject.dispose());
  return () => {
    if (!made) throw new Error("the driver is not ready");
    return made;
  };
}
