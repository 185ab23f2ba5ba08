import { afterAll, beforeAll, describe } from "vitest";
import { attachTests } from "./attach.ts";
import { kernelTests } from "./kernels.ts";
import { lifecycleTests } from "./lifecycle.ts";
import { limitTests } from "./limits.ts";
import { networkTests } from "./network.ts";
import { networkBoundsTests } from "./network-bounds.ts";
import { networkLoadTests } from "./network-load.ts";
import { programTests } from "./programs.ts";
import { snapshotTests } from "./snapshots.ts";
import type { MakeSubject, SuiteContext } from "./subject.ts";
import { workspaceTests } from "./workspace.ts";

export const SUITE_PARTS = [
  "lifecycle",
  "kernels",
  "workspace",
  "attach",
  "snapshots",
  "network",
  "programs",
  "limits",
] as const;

export interface SuiteOptions {
  /** Which parts are run. Default: all. */
  readonly parts?: readonly (typeof SUITE_PARTS)[number][];
  /** Whether sandboxes take programs (`DriverCapabilities.programs`): known before anything is started. Default true. */
  readonly programs?: boolean;
  /** Whether connections to IPv6 addresses come to the forwarder; where not, those addresses are unreachable. Default true. */
  readonly carriesIPv6?: boolean;
}

/** The contract of `IsolationDriver` and `Sandbox`, as tests. */
export function driverConformance(name: string, makeSubject: MakeSubject, options: SuiteOptions = {}): void {
  describe(`the driver ${name}`, () => {
    let made: SuiteContext | undefined;
    const context = () => {
      if (!made) throw new Error("the driver is not ready");
      return made;
    };

    beforeAll(async () => {
      const subject = await makeSubject();
      const probed = await subject.driver.probe();
      if (!probed.available) throw new Error(`${name} is not available: ${probed.reason}`);
      made = { subject, capabilities: probed.capabilities };
    });
    afterAll(() => made?.subject.dispose());

    const tests: Record<(typeof SUITE_PARTS)[number], () => void> = {
      lifecycle: () => lifecycleTests(context),
      kernels: () => kernelTests(context),
      workspace: () => workspaceTests(context),
      attach: () => attachTests(context),
      snapshots: () => snapshotTests(context),
      network() {
        networkTests(context, { carriesIPv6: true, ...options });
        networkLoadTests(context);
        networkBoundsTests(context);
      },
      programs: () => programTests(context),
      limits: () => limitTests(context),
    };
    for (const part of options.parts ?? SUITE_PARTS) {
      const needsPrograms = part === "programs" || part === "limits";
      if (!needsPrograms || (options.programs ?? true)) describe(part, tests[part]);
    }
  });
}
