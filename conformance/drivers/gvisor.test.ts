import { makeGvisorSubject } from "./gvisor-subject.ts";
import { driverConformance } from "./suite.ts";

driverConformance("gvisor", async () => makeGvisorSubject());
