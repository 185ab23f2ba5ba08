import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "../../core/index.ts";
import { Template } from "../../core/schemas.ts";
import { openSqliteStore } from "../index.ts";
import { type Golden, loadGolden } from "../testdata/golden.ts";
import { dataFolder, migrateFolder } from "./data-folder.ts";
import { migrateFile } from "./migrate.ts";
import { EVENT_FILE_MIGRATIONS, MAIN_MIGRATIONS, type Migration } from "./migrations/index.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-migrate-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ONE: Migration = { version: 1, sql: "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)" };
const TWO: Migration = { version: 2, sql: "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET y = 'new'" };

function rows(file: string): unknown[] {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare("SELECT * FROM a").all();
  } finally {
    db.close();
  }
}

test("versions are contiguous from 1", () => {
  for (const migrations of [MAIN_MIGRATIONS, EVENT_FILE_MIGRATIONS]) {
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, i) => i + 1));
  }
});

test("an existing file is copied before it is changed, a new one is not, one that is current is left alone", async () => {
  const file = join(folder, "x.db");
  const backups = join(folder, "backups");
  expect(migrateFile(file, [ONE], backups, 0)).toEqual({ from: 0, to: 1 });
  expect(migrateFile(file, [ONE], backups, 0)).toEqual({ from: 1, to: 1 });
  const result = migrateFile(file, [ONE, TWO], backups, Date.UTC(2026, 10, 20));
  expect(result).toEqual({ from: 1, to: 2, backup: join(backups, "x-v1-20261120T000000000Z.db") });
  expect(rows(file)).toEqual([{ x: 1, y: "new" }]);
  expect(rows(result.backup ?? "")).toEqual([{ x: 1 }]);
  expect(() => migrateFile(file, [ONE], backups, 0)).toThrow(/newer Glovebox/);
});

test("a step that fails leaves the file as it was before the step", async () => {
  const file = join(folder, "x.db");
  migrateFile(file, [ONE], folder, 0);
  const broken: Migration = { version: 3, sql: "UPDATE a SET y = 'half'; SELECT * FROM nowhere" };
  expect(() => migrateFile(file, [ONE, TWO, broken], join(folder, "backups"), 0)).toThrow(/nowhere/);
  expect(rows(file)).toEqual([{ x: 1, y: "new" }]);
  expect(migrateFile(file, [ONE, TWO], folder, 0)).toEqual({ from: 2, to: 2 });
});

test("a whole folder is migrated, event files too, and says so", async () => {
  const files = dataFolder(join(folder, "data"));
  await (await openSqliteStore({ dataDir: files.root }))[Symbol.asyncDispose]();
  await loadGolden(1, files.root);
  const next = (migrations: readonly Migration[]): Migration[] => [
    ...migrations,
    { version: migrations.length + 1, sql: "CREATE TABLE later (x INTEGER)" },
  ];
  const told: unknown[] = [];
  const logger = { ...silentLogger, info: (fields: Record<string, unknown>) => void told.push(fields.from) };
  migrateFolder(files, 0, logger, { main: next(MAIN_MIGRATIONS), eventFile: next(EVENT_FILE_MIGRATIONS) });
  expect(told).toEqual([1, 1]);
  expect(await readdir(files.backupsFolder)).toHaveLength(2);
});

/** Every released version: its folder must open, and everything in it must read as it was. */
for (const version of [1]) {
  test(`a folder written by version ${version} opens with all its data`, async () => {
    const dataDir = join(folder, "data");
    await loadGolden(version, dataDir);
    const expected = JSON.parse(
      await readFile(join(import.meta.dirname, `../testdata/golden/v${version}-expected.json`), "utf8"),
    ) as Golden;
    // As of its time: idempotency keys expire.
    const nowMs = Date.parse(expected.events[0]?.ts ?? "");
    await using store = await openSqliteStore({ dataDir, clock: { nowMs: () => nowMs, monotonicMs: () => 0 } });
    const { template, session, internals, execution, token, setting, stream, events, state } = expected;
    const { tenantId } = template;
    expect(await store.templates.get(tenantId, template.name)).toEqual(Template.parse(template));
    expect(await store.sessions.openByKey(tenantId, session.key ?? "")).toEqual(session);
    expect(await store.sessions.internals(session.id)).toEqual(internals);
    expect((await store.executions.list(tenantId, { sessionId: session.id })).items).toEqual([execution]);
    expect(await store.tokens.findByHash("golden-hash")).toEqual(token);
    expect(await store.idempotency.claim(tenantId, "create", "golden", "h")).toEqual({
      state: "settled",
      entityId: session.id,
    });
    expect(await store.settings.get("golden")).toEqual(setting);
    expect(await store.events.read(stream)).toEqual(events);
    expect(await store.events.state(stream)).toEqual({ state, lastSeq: events.length });
    expect((await store.events.append(stream, [{ type: "stdout", payload: { text: "x" } }])).firstSeq).toBe(
      events.length + 1,
    );
  });
}
