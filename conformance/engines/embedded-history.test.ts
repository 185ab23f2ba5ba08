import { embeddedSubject } from "./embedded-subject.ts";
import { engineConformance } from "./suite.ts";

engineConformance("embedded", embeddedSubject, ["recovery", "forking", "rollback", "journal", "damage", "deadLetters"]);
