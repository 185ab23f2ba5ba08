import { afterAll, beforeAll, beforeEach } from "vitest";
import { makeBubblewrapSubject } from "../drivers/bubblewrap-subject.ts";
import type { DriverSubject, SuiteContext } from "../drivers/subject.ts";

type Prepare = (context: SuiteContext) => Promise<void>;

/** {@link useDriver} with bubblewrap. */
export function useBubblewrap(prepare?: Prepare): () => SuiteContext {
  return useDriver("bubblewrap", makeBubblewrapSubject, prepare);
}

/**
 * A driver for the tests of a file, which are skipped where it does not work. `prepare` sets the file's own
 * stage on it. Read the context inside tests only: it is made before the first.
 */
export function useDriver(isolation: string, make: () => DriverSubject, prepare?: Prepare): () => SuiteContext {
  let made: SuiteContext | undefined;
  let missing = "";
  beforeAll(async () => {
    const subject = make();
    const probed = await subject.driver.probe();
    if (probed.available) {
      made = { subject, capabilities: probed.capabilities };
      await prepare?.(made);
    } else {
      missing = probed.reason;
      await subject.dispose();
    }
  });
  beforeEach(({ skip }) => skip(made === undefined, `isolation ${isolation}: ${missing}`));
  afterAll(() => made?.subject.dispose());
  return () => {
    if (!made) throw new Error("the driver is not ready");
    return made;
  };
}
