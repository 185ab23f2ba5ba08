import { chaosConformance } from "./chaos.ts";
import { embeddedSubject } from "./embedded-subject.ts";

chaosConformance(embeddedSubject);
