/** Begins a rollback and never gets to its end: whoever started it kills it. Argument: the place. */
import { writeSync } from "node:fs";
import { openOn } from "./embedded-subject.ts";
import { rolledBack } from "./rollback-program.ts";
import { TENANT, until } from "./subject.ts";

const [place = ""] = process.argv.slice(2);
const onRollback = () => {
  writeSync(1, "restores\n");
  return new Promise<never>(() => {});
};
const engine = await openOn(place, { programs: [rolledBack], onRollback });
const { id } = await engine.start(rolledBack, null, { tenantId: TENANT });
await until(async () => (await engine.get(TENANT, id)).status === "waiting");
await engine.rollback(TENANT, id, { step: "count" });
