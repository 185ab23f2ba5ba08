import { z } from "zod";
import { Isolation, Language } from "../../core/schemas.ts";
import { whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";

/** What templates may name. */
export const catalogOperations = defineOperations({
  "catalog.modules": {
    method: "GET",
    path: "/v1/catalog/modules",
    summary: "Host modules that `isolate` templates may offer",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: whole(z.strictObject({ name: z.string(), description: z.string() })),
    sdk: "catalog.modules",
    cli: "template catalog modules",
  },
  "catalog.libraries": {
    method: "GET",
    path: "/v1/catalog/libraries",
    summary: "JavaScript libraries that templates may offer, with their versions",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: whole(z.strictObject({ name: z.string(), global: z.string(), version: z.string() })),
    sdk: "catalog.libraries",
    cli: "template catalog libraries",
  },
  "catalog.languages": {
    method: "GET",
    path: "/v1/catalog/languages",
    summary: "Languages and the isolations that run them",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: whole(z.strictObject({ name: Language, isolations: z.array(Isolation) })),
    sdk: "catalog.languages",
    cli: "template catalog languages",
  },
});
