import { z } from "zod";
import { defineOperations } from "./operation.ts";

const days = z.number().int().min(0).max(36_500).nullable();

/** Days to keep, per kind; `null` keeps for ever. */
export const RetentionSchema = z.strictObject({ events: days, executions: days, closedSessions: days, runs: days });

/** Keeping and losing data. These concern every tenant, so only the root token may. */
export const maintenanceOperations = defineOperations({
  "backup.create": {
    method: "POST",
    path: "/v1/backup",
    summary: "A consistent copy of everything, as one file; `X-Content-SHA256` carries its checksum",
    minimumRole: "admin",
    rootOnly: true,
    answer: "bytes",
    status: 200,
    sdk: "backup",
    cli: "backup",
  },
  "retention.get": {
    method: "GET",
    path: "/v1/retention",
    summary: "How many days each kind of data is kept",
    minimumRole: "operator",
    answer: "json",
    status: 200,
    response: RetentionSchema,
    sdk: "retention.get",
    cli: "retention get",
  },
  "retention.set": {
    method: "PUT",
    path: "/v1/retention",
    summary: "Set how many days each kind of data is kept",
    minimumRole: "admin",
    rootOnly: true,
    body: RetentionSchema,
    answer: "json",
    status: 200,
    response: RetentionSchema,
    sdk: "retention.set",
    cli: "retention set",
  },
  "retention.sweep": {
    method: "POST",
    path: "/v1/retention/sweep",
    summary: "Remove what is past its retention now, or only count it",
    minimumRole: "admin",
    rootOnly: true,
    body: z.strictObject({ dryRun: z.boolean() }),
    answer: "json",
    status: 200,
    response: z.strictObject({
      events: z.number(),
      executions: z.number(),
      closedSessions: z.number(),
      runs: z.number(),
    }),
    sdk: "retention.sweep",
    cli: "retention sweep",
  },
});
