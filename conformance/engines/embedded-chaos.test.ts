import { chaosConformance } from "./chaos.ts";
import { bundleChild } from "./chaos-bundle.ts";
import { embeddedSubject } from "./embedded-subject.ts";

chaosConformance(embeddedSubject, bundleChild);
