import { embeddedSubject } from "./embedded-subject.ts";
import { engineHistoryConformance } from "./suite.ts";

engineHistoryConformance("embedded", embeddedSubject);
