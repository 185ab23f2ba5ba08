import { IsolateDriver } from "../../packages/glovebox/src/sandbox/isolate/index.ts";
import { makeBubblewrapSubject } from "./bubblewrap-subject.ts";
import type { DriverSubject } from "./subject.ts";
import { driverConformance } from "./suite.ts";

/** An isolate leaves nothing on the host but what its helper sandbox, here bubblewrap, could leave. */
function makeIsolateSubject(warmWorkers: number): DriverSubject {
  const helper = makeBubblewrapSubject();
  const make = () => new IsolateDriver({ warmWorkers, companion: (spec) => helper.driver.create(spec) });
  const driver = make();
  return {
    ...helper,
    driver,
    again: make,
    async dispose() {
      await driver[Symbol.asyncDispose]();
      await helper.dispose();
    },
  };
}

driverConformance("isolate", async () => makeIsolateSubject(0), { programs: false });
driverConformance("isolate with warm workers", async () => makeIsolateSubject(2), { programs: false });
