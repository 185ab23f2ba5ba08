import { z } from "zod";
import { defineOperations } from "./operation.ts";

const Receipt = z.strictObject({
  /** The forge's id of the delivery. */
  deliveryId: z.string(),
  /** `ignored`: nothing can come of such an event. `duplicate`: it was here before, and is not done again. */
  status: z.enum(["accepted", "ignored", "duplicate"]),
});

const leftOut = { leftOut: "only forges call it, with a signature" } as const;

/** What forges call. Who calls proves itself by the signature of the body, so no token is asked for, and nothing else can be reached so. */
export const webhookOperations = defineOperations({
  "webhooks.github": {
    method: "POST",
    path: "/webhooks/github",
    summary: "Take a webhook's delivery of GitHub",
    minimumRole: "public",
    signed: true,
    upload: "bytes",
    answer: "json",
    status: 202,
    response: Receipt,
    sdk: leftOut,
    cli: leftOut,
  },
  "webhooks.gitea": {
    method: "POST",
    path: "/webhooks/gitea",
    summary: "Take a webhook's delivery of Gitea or Forgejo",
    minimumRole: "public",
    signed: true,
    upload: "bytes",
    answer: "json",
    status: 202,
    response: Receipt,
    sdk: leftOut,
    cli: leftOut,
  },
});
