import { test, vi } from "vitest";
import { makeMicrovmSubject } from "./microvm-subject.ts";
import { driverConformance, SUITE_PARTS } from "./suite.ts";

/** Machines boot and compute a tenth as fast where there is no KVM, and much slower yet where others compute, too. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Under emulation the whole suite takes minutes: `make test-all`. What is left out of `make test` is what the driver shares with others. */
const QUICK = ["lifecycle", "workspace", "attach", "snapshots", "limits"] as const;

const subject = makeMicrovmSubject();
const probed = await subject.driver.probe();
await subject.dispose();

if (probed.available) {
  const parts = process.env.GLOVEBOX_TESTS === "all" ? SUITE_PARTS : QUICK;
  driverConformance("microvm", async () => makeMicrovmSubject(), { parts });
} else {
  test("the driver microvm", ({ skip }) => skip(`isolation microvm: ${probed.reason}`));
}
