import { z } from "zod";
import { EnvName } from "../../core/schemas.ts";
import { whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";

const SecretParams = z.strictObject({ name: EnvName });

/** A secret without its value, which no operation gives out. */
const Secret = z.strictObject({
  name: z.string(),
  /** Who may be sent the value. */
  hosts: z.array(z.string()),
  /** Counts up from 1 with every new value. */
  version: z.number().int(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

const SecretInput = z.strictObject({
  /** 8 characters to 65,536 bytes: shorter ones could not be masked. */
  value: z.string().min(8).max(65_536),
  /** `host`, `*.host`, either with `:port`. Names are ASCII: international ones in their `xn--` form. */
  hosts: z.array(z.string().min(1).max(512)).min(1).max(64),
});

/** What sandboxes may use and never see: see the page on secrets. */
export const secretOperations = defineOperations({
  "secrets.list": {
    method: "GET",
    path: "/v1/secrets",
    summary: "List secrets by name, with the hosts that they are bound to; never their values",
    minimumRole: "developer",
    answer: "json",
    status: 200,
    response: whole(Secret),
    audited: true,
    sdk: "secrets.list",
    cli: "secret list",
  },
  "secrets.set": {
    method: "PUT",
    path: "/v1/secrets/{name}",
    summary: "Make a secret, or give it another value and other hosts",
    minimumRole: "operator",
    params: SecretParams,
    body: SecretInput,
    answer: "json",
    status: 200,
    response: Secret,
    sdk: "secrets.set",
    cli: "secret set",
  },
  "secrets.delete": {
    method: "DELETE",
    path: "/v1/secrets/{name}",
    summary: "Delete a secret; sessions that have it already keep it until they end or the server restarts",
    minimumRole: "operator",
    params: SecretParams,
    answer: "none",
    status: 204,
    sdk: "secrets.delete",
    cli: "secret delete",
  },
  "secrets.rotateKey": {
    method: "POST",
    path: "/v1/secrets/rotate-key",
    summary: "Seal every tenant's secrets and certificate authorities under a new master key",
    minimumRole: "admin",
    rootOnly: true,
    answer: "json",
    status: 200,
    response: z.strictObject({ keyId: z.string(), resealed: z.number().int() }),
    sdk: "secrets.rotateKey",
    cli: "secret rotate-key",
  },
});
