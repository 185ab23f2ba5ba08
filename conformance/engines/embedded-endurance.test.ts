import { embeddedSubject } from "./embedded-subject.ts";
import { enduranceConformance } from "./endurance.ts";

enduranceConformance(embeddedSubject);
