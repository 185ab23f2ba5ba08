import { test } from "vitest";
import { makeGvisorSubject } from "./gvisor-subject.ts";
import { driverConformance } from "./suite.ts";

const subject = makeGvisorSubject();
const probed = await subject.driver.probe();
await subject.dispose();

if (probed.available) {
  // gVisor's loopback answers for every IPv4 address of its prefixes, but for IPv6 addresses one by one.
  driverConformance("gvisor", async () => makeGvisorSubject(), { carriesIPv6: false });
} else {
  test("the driver gvisor", ({ skip }) => skip(`isolation gvisor: ${probed.reason}`));
}
