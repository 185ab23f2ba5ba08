import { makeGvisorSubject } from "./gvisor-subject.ts";
import { driverConformance } from "./suite.ts";

// gVisor's loopback answers for every IPv4 address of its prefixes, but for IPv6 addresses one by one.
driverConformance("gvisor", async () => makeGvisorSubject(), { carriesIPv6: false });
