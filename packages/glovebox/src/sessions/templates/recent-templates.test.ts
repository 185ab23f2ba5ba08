import { expect, test } from "vitest";
import { newId, type Template } from "../../core/index.ts";
import { openStage, TENANT } from "../testing/stage.ts";
import { fillTemplate } from "./fill-template.ts";
import { RecentTemplates } from "./recent-templates.ts";

const at = "2026-01-01T00:00:00Z";
const made = (version: number): Template =>
  fillTemplate(
    { name: "made", isolation: "bubblewrap" },
    { id: newId(), tenantId: "a", version, createdAt: at, updatedAt: at },
  );

test("a template is read once until it changes, for each tenant", async () => {
  const recent = new RecentTemplates();
  const reads: string[] = [];
  const read = (tenant: string) => () => {
    reads.push(tenant);
    return Promise.resolve(made(reads.length));
  };
  const version = async (tenant: string) => (await recent.get(tenant, "made", read(tenant)))?.version;
  expect([await version("a"), await version("a"), await version("b"), await version("b")]).toEqual([1, 1, 2, 2]);
  recent.forget("a");
  expect([await version("a"), await version("b")]).toEqual([3, 2]);
  expect(reads).toEqual(["a", "b", "a"]);
});

test("what was being read when it changed is not kept, nor that there was none", async () => {
  const recent = new RecentTemplates();
  const reading = Promise.withResolvers<Template>();
  const old = recent.get("a", "made", () => reading.promise);
  recent.forget("a");
  reading.resolve(made(1));
  expect((await old)?.version).toBe(1);
  expect((await recent.get("a", "made", () => Promise.resolve(made(2))))?.version).toBe(2);
  expect(await recent.get("a", "other", () => Promise.resolve(undefined))).toBeUndefined();
  expect((await recent.get("a", "other", () => Promise.resolve(made(3))))?.version).toBe(3);
});

test("whoever changes a template, asks for it and deletes it sees that at once, by id and by name", async () => {
  await using stage = await openStage();
  const { templates } = stage.services;
  const { id } = await templates.create(TENANT, { name: "one", isolation: "bubblewrap" });
  const seen = async (by: string) => (await templates.get(TENANT, by)).version;
  expect([await seen("one"), await seen(id)]).toEqual([1, 1]);
  await Promise.all([1, 2, 3].map((tag) => templates.update(TENANT, "one", { env: { TAG: String(tag) } })));
  expect([await seen("one"), await seen(id)]).toEqual([4, 4]);
  await templates.update(TENANT, id, { name: "two" });
  await expect(templates.get(TENANT, "one")).rejects.toMatchObject({ code: "not_found" });
  expect([await seen("two"), await seen(id)]).toEqual([5, 5]);
  await templates.delete(TENANT, "two");
  await expect(templates.get(TENANT, id)).rejects.toMatchObject({ code: "not_found" });
});
