import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Logger } from "../../core/index.ts";
import { storeFailed } from "./connection.ts";
import { eventFileEndMs } from "./events/file-name.ts";
import { type MigrationResult, migrateFile } from "./migrate.ts";
import { EVENT_FILE_MIGRATIONS, MAIN_MIGRATIONS, type Migration } from "./migrations/index.ts";

/** Where everything is in a data folder. */
export interface DataFolder {
  readonly root: string;
  readonly mainFile: string;
  /** The context store's, once there is one; it sees to it itself. */
  readonly contextFile: string;
  readonly eventsFolder: string;
  readonly blobsFolder: string;
  readonly backupsFolder: string;
}

export function dataFolder(root: string): DataFolder {
  return {
    root,
    mainFile: join(root, "glovebox.db"),
    contextFile: join(root, "context.db"),
    eventsFolder: join(root, "events"),
    blobsFolder: join(root, "blobs"),
    backupsFolder: join(root, "backups"),
  };
}

/** Makes the folders, for their owner only. */
export function makeFolders(folder: DataFolder): void {
  try {
    for (const path of [folder.root, folder.eventsFolder, folder.blobsFolder]) {
      makeFolder(path);
    }
    chmodSync(folder.root, 0o700);
  } catch (error) {
    throw storeFailed(`could not make the data folder ${folder.root}`, error);
  }
}

/** Node's own recursive way never returns where a file system answers ENOENT for ever, as /proc does. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  mkdirSync(path, { mode: 0o700 });
}

/** The names of the event files that exist, oldest first. */
export function eventFiles(eventsFolder: string): string[] {
  if (!existsSync(eventsFolder)) return [];
  return readdirSync(eventsFolder)
    .filter((name) => eventFileEndMs(name) !== undefined)
    .sort();
}

export interface Migrations {
  readonly main: readonly Migration[];
  readonly eventFile: readonly Migration[];
}

const MIGRATIONS: Migrations = { main: MAIN_MIGRATIONS, eventFile: EVENT_FILE_MIGRATIONS };

/** Brings every database in the folder to the newest schema. The folder must be locked. */
export function migrateFolder(folder: DataFolder, nowMs: number, logger: Logger, migrations = MIGRATIONS): void {
  try {
    report(folder.mainFile, migrateFile(folder.mainFile, migrations.main, folder.backupsFolder, nowMs), logger);
    for (const name of eventFiles(folder.eventsFolder)) {
      const file = join(folder.eventsFolder, name);
      report(file, migrateFile(file, migrations.eventFile, folder.backupsFolder, nowMs), logger);
    }
  } catch (error) {
    throw storeFailed(`could not open the data folder ${folder.root}`, error);
  }
}

function report(file: string, result: MigrationResult, logger: Logger): void {
  if (result.from === 0 || result.from === result.to) return;
  logger.info({ file, ...result }, "migrated a database");
}
