import { embeddedSubject } from "./embedded-subject.ts";
import { engineConformance } from "./suite.ts";

engineConformance("embedded", embeddedSubject, ["programs", "waiting", "ending", "tasks", "replay"]);
