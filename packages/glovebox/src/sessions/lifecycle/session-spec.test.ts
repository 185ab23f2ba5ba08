import { expect, test } from "vitest";
import { newId, type Session } from "../../core/index.ts";
import { fillTemplate } from "../templates/fill-template.ts";
import { sandboxSpec } from "./session-spec.ts";

const NOW = "2026-01-01T00:00:00Z";

/** What the driver is asked for by a template and a session that say this of forks. */
function forkable(ofTemplate: boolean | undefined, ofSession: boolean | undefined): boolean | undefined {
  const identity = { id: newId(), tenantId: "acme", version: 1, createdAt: NOW, updatedAt: NOW };
  const said = ofTemplate === undefined ? {} : { forkable: ofTemplate };
  const template = fillTemplate({ name: "made", isolation: "microvm", ...said }, identity);
  const row: Pick<Session, "id" | "env" | "forkable"> = {
    id: newId(),
    env: {},
    ...(ofSession !== undefined && { forkable: ofSession }),
  };
  const network = { env: {}, placeholders: {}, redactor: undefined, close: () => {} };
  const parts = { workspaceDir: "/w", limits: template.limits, libraries: {}, network, layer: undefined };
  return sandboxSpec(row, { template, languages: ["bash"] }, {}, parts).forkable;
}

test("a sandbox is prepared for forks where the template says so, and the session not otherwise", () => {
  expect([forkable(undefined, undefined), forkable(false, undefined), forkable(true, false)]).toEqual(
    Array(3).fill(undefined),
  );
  expect([forkable(true, undefined), forkable(false, true)]).toEqual([true, true]);
});
