/**
 * `node --conditions=development …/make-golden.ts N`: writes golden/vN-*. Run once when schema version N is released, before anything changes;
 * never again for an older one.
 */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { aSession, anExecution, aStream, aTemplate, aToken, INTERNALS, lines } from "../../../../../conformance/stores/entities.ts";
import { openSqliteStore } from "../index.ts";
import { dumpDatabase, GOLDEN_FOLDER, type Golden } from "./golden.ts";

const version = Number(process.argv[2]);
const dataDir = await mkdtemp(join(tmpdir(), "glovebox-golden-"));
{
  await using store = await openSqliteStore({ dataDir });
  const template = aTemplate({ name: "golden" });
  const session = aSession({ key: "golden", templateId: template.id, metadata: { purpose: "golden" } });
  const execution = anExecution(session.id, { status: "ok", exitCode: 0, idempotencyKey: "golden" });
  const token = aToken();
  const stream = aStream({ id: execution.id });
  const state = { stdout: 2 };
  const setting = { any: ["json", 1, null] };
  await store.templates.create(template);
  await store.sessions.create(session, INTERNALS);
  await store.executions.create(execution, "hash");
  await store.tokens.create(token, "golden-hash");
  await store.idempotency.claim(template.tenantId, "create", "golden", "h");
  await store.idempotency.settle(template.tenantId, "create", "golden", session.id);
  await store.settings.set("golden", setting);
  await store.events.append(stream, lines("é", "two\n"), state);
  const events = await store.events.read(stream);
  const golden: Golden = { template, session, internals: INTERNALS, execution, token, setting, stream, events, state };
  await writeFile(join(GOLDEN_FOLDER, `v${version}-expected.json`), `${JSON.stringify(golden, null, 2)}\n`);
}
for (const file of ["glovebox.db", ...(await readdir(join(dataDir, "events"))).map((name) => `events/${name}`)]) {
  const target = join(GOLDEN_FOLDER, `v${version}-${basename(file, ".db")}.sql`);
  await writeFile(target, dumpDatabase(join(dataDir, file)));
}
await rm(dataDir, { recursive: true });
