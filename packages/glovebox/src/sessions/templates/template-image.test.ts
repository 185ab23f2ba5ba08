import { expect, test } from "vitest";
import { type Isolation, newId, type Session, type Template, type TemplateInput } from "../../core/index.ts";
import { BubblewrapDriver } from "../../sandbox/bubblewrap/index.ts";
import type { IsolationDriver } from "../../sandbox/index.ts";
import { sandboxSpec } from "../lifecycle/session-spec.ts";
import { checkTemplate } from "./check-template.ts";
import { fillTemplate } from "./fill-template.ts";
import { patchTemplate } from "./patch-template.ts";

const NOW = "2026-01-01T00:00:00Z";
/** Asked only whether there is one. */
const driver: IsolationDriver = new BubblewrapDriver({ runDir: "/nonexistent" });
const ISOLATIONS: readonly Isolation[] = ["isolate", "bubblewrap", "gvisor", "microvm", "firecracker"];
const drivers = new Map(ISOLATIONS.map((isolation) => [isolation, driver] as const));

function filled(input: Omit<TemplateInput, "name">): Template {
  const identity = { id: newId(), tenantId: "acme", version: 1, createdAt: NOW, updatedAt: NOW };
  return fillTemplate({ name: "made", ...input }, identity);
}

const check = (input: Omit<TemplateInput, "name">) => checkTemplate(filled(input), { drivers });

test("an image is for isolations whose sandboxes have a root of their own", () => {
  for (const isolation of ["microvm", "firecracker"] as const) check({ isolation, image: "my-image.2" });
  for (const isolation of ["isolate", "bubblewrap", "gvisor"] as const) {
    expect(() => check({ isolation, image: "base" })).toThrow(
      expect.objectContaining({ code: "not_supported_by_isolation", details: { path: "image" } }),
    );
  }
});

test("an image is named, not described by a path or a reference", () => {
  for (const image of ["", "../base", "/etc", "docker.io/library/debian:12", "Base", "a".repeat(65)]) {
    expect(() => check({ isolation: "microvm", image })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  }
});

test("the driver is asked for the template's image, and for none where the template names none", () => {
  const template = filled({ isolation: "microvm", image: "mine" });
  const row = { id: newId(), env: {} } as Session;
  const parts = { workspaceDir: "/w", limits: template.limits, libraries: {}, network: { env: {} }, layer: undefined };
  const specOf = (one: Template) =>
    sandboxSpec(row, { template: one, languages: ["bash"] } as never, {}, parts as never);
  expect(specOf(template).image).toBe("mine");
  expect(specOf(patchTemplate(template, { image: "other" }, NOW)).image).toBe("other");
  expect("image" in specOf(filled({ isolation: "microvm" }))).toBe(false);
});
