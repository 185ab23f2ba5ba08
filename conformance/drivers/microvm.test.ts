import { makeMicrovmSubject } from "./microvm-subject.ts";
import { driverConformance } from "./suite.ts";

driverConformance("microvm", async () => makeMicrovmSubject());
