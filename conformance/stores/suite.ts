import { describe } from "vitest";
import { agentConformance } from "./agents.ts";
import { auditConformance } from "./audit.ts";
import { ciRunConformance } from "./ci-runs.ts";
import { conversationConformance } from "./conversations.ts";
import { eventConformance } from "./events.ts";
import { executionConformance } from "./executions.ts";
import { faultConformance } from "./faults.ts";
import { lessonConformance } from "./lessons.ts";
import { maintenanceConformance } from "./maintenance.ts";
import { blobConformance, idempotencyConformance, settingsConformance, tokenConformance } from "./others.ts";
import { repositoryConformance } from "./repositories.ts";
import { runRetentionConformance } from "./run-retention.ts";
import { runConformance } from "./runs.ts";
import { secretConformance } from "./sealed.ts";
import { sessionConformance } from "./sessions.ts";
import { snapshotConformance } from "./snapshots.ts";
import type { MakeSubject } from "./subject.ts";
import { templateConformance } from "./templates.ts";

/** Runs every test that a store must pass. `make` gives an empty place for stores, once a test. */
export function storeConformance(name: string, make: MakeSubject): void {
  describe(`store ${name}`, () => {
    describe("templates", () => templateConformance(make));
    describe("sessions", () => sessionConformance(make));
    describe("executions", () => executionConformance(make));
    describe("tokens", () => tokenConformance(make));
    describe("idempotency", () => idempotencyConformance(make));
    describe("events", () => eventConformance(make));
    describe("blobs", () => blobConformance(make));
    describe("settings", () => settingsConformance(make));
    describe("secrets", () => secretConformance(make));
    describe("audit", () => auditConformance(make));
    describe("runs", () => runConformance(make));
    describe("retention of runs", () => runRetentionConformance(make));
    describe("snapshots", () => snapshotConformance(make));
    describe("conversations", () => conversationConformance(make));
    describe("repositories", () => repositoryConformance(make));
    describe("CI runs", () => ciRunConformance(make));
    describe("lessons", () => lessonConformance(make));
    describe("agents", () => agentConformance(make));
    describe("maintenance", () => maintenanceConformance(make));
    describe("faults", () => faultConformance(make));
  });
}
