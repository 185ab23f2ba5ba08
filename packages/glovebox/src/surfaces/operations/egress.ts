import { z } from "zod";
import { NetworkSpec } from "../../core/schemas.ts";
import { TemplateRef } from "./fields.ts";
import { defineOperations } from "./operation.ts";

const EgressTest = z
  .strictObject({
    /** Whose network to ask; or give `network`. */
    template: TemplateRef.optional(),
    network: NetworkSpec.optional(),
    /** `http:` or `https:`. */
    url: z.string().min(1).max(8192),
    method: z
      .string()
      .regex(/^[A-Z]{1,32}$/, "a method in capital letters")
      .default("GET"),
  })
  .refine(({ template, network }) => (template === undefined) !== (network === undefined), {
    message: "give either template or network",
    path: ["template"],
  });

const EgressDecisionSchema = z.strictObject({
  allowed: z.boolean(),
  /** For programs: `allowed`, `not_in_allow_list`, `private_address`, …. */
  code: z.string(),
  reason: z.string(),
  host: z.string(),
  port: z.number().int(),
  method: z.string().optional(),
  path: z.string().optional(),
  secrets: z.array(z.string()).optional(),
});

export const egressOperations = defineOperations({
  "egress.test": {
    method: "POST",
    path: "/v1/egress/test",
    summary:
      "Tell whether a request would be let out, and why; nothing is sent but the question for the name's address",
    minimumRole: "developer",
    body: EgressTest,
    answer: "json",
    status: 200,
    response: EgressDecisionSchema,
    audited: false,
    sdk: "egress.test",
    cli: "egress test",
  },
});
