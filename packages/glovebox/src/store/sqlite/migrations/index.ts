import { initial } from "./0001-initial.ts";
import { secretsAndAudit } from "./0002-secrets-audit.ts";
import { runs } from "./0003-runs.ts";
import { snapshots } from "./0004-snapshots.ts";
import { runRetention } from "./0005-run-retention.ts";
import { conversations } from "./0006-conversations.ts";
import { repositories } from "./0007-repositories.ts";
import { ciRuns } from "./0008-ci-runs.ts";
import { lessons } from "./0009-lessons.ts";
import { agents } from "./0010-agents.ts";
import { eventFileInitial } from "./event-file-0001.ts";
import type { Migration } from "./migration.ts";

/** In order. A new one is a new file and a new line. */
export const MAIN_MIGRATIONS: readonly Migration[] = [
  initial,
  secretsAndAudit,
  runs,
  snapshots,
  runRetention,
  conversations,
  repositories,
  ciRuns,
  lessons,
  agents,
];
export const EVENT_FILE_MIGRATIONS: readonly Migration[] = [eventFileInitial];

export type { Migration } from "./migration.ts";
