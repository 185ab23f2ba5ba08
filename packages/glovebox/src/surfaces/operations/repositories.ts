import { z } from "zod";
import { Id, IdParams, PageQuery, page, whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";

const FullName = z.string().regex(/^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/, "it must be owner/name");
/** A branch's name, as git takes it. */
const Branch = z
  .string()
  .regex(/^(?![-/.])(?!.*(\.\.|\/\/|@\{|\.lock(\/|$)|\/\.))[^\s~^:?*[\\]{1,255}(?<![/.])$/, "not a branch's name");
const Labels = z.record(
  z.string().min(1).max(256),
  z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "neither an id nor a template's name"),
);
const Token = z.string().regex(/^[\x21-\x7e]{1,1024}$/, "not a token");
const Jobs = z.number().int().min(1).max(10_000);

const Repository = z.strictObject({
  id: Id,
  tenantId: z.string(),
  forge: z.enum(["github", "gitea", "local"]),
  /** `owner/name` */
  fullName: z.string(),
  cloneUrl: z.string(),
  defaultBranch: z.string(),
  /** How the forge is reached: not at all, with a token of its own, or as an installation of the server's App. */
  credentials: z.enum(["none", "token", "app"]),
  /** The webhook that was registered at the forge. */
  hook: z.strictObject({ id: z.string(), url: z.string() }).optional(),
  /** Jobs of it at work at a time. Absent: as many as the server allows. */
  maxConcurrentJobs: z.number().int().optional(),
  /** Templates by the labels of `runs-on`; stands before the server's. */
  labels: z.record(z.string(), z.string()),
  createdAt: z.string(),
  updatedAt: z.string(),
});

const RepositoryInput = z.strictObject({
  forge: z.enum(["github", "gitea", "local"]).default("github"),
  fullName: FullName,
  /** Without credentials in it. Default on GitHub: where it is there. Of a local one also a path below `ci.localFolders`. */
  cloneUrl: z.string().min(1).max(2048).optional(),
  /** Default `main`. */
  defaultBranch: Branch.optional(),
  /** What the forge is reached with. Kept sealed; never shown. */
  token: Token.optional(),
  /** Reach it as an installation of the server's GitHub App. */
  useApp: z.boolean().optional(),
  maxConcurrentJobs: Jobs.optional(),
  labels: Labels.optional(),
});

const RepositoryPatch = z.strictObject({
  defaultBranch: Branch.optional(),
  /** `null` forgets it. */
  token: Token.nullable().optional(),
  useApp: z.boolean().optional(),
  /** `null`: as many as the server allows. */
  maxConcurrentJobs: Jobs.nullable().optional(),
  labels: Labels.optional(),
});

const Value = z.strictObject({
  name: z.string(),
  /** Counts up from 1 with every new value. */
  version: z.number().int(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
const Variable = Value.extend({ value: z.string() });

const ValueParams = z.strictObject({ id: Id, name: z.string().min(1).max(255) });
/** Those of an environment instead of the repository's. */
const ValueQuery = z.strictObject({ environment: z.string().min(1).max(255).optional() });
const ValueInput = z.strictObject({ value: z.string().max(49_152) });

const at = "/v1/repositories/{id}";

export const repositoryOperations = defineOperations({
  "repositories.list": {
    method: "GET",
    path: "/v1/repositories",
    summary: "List the repositories whose workflows this server runs",
    minimumRole: "viewer",
    query: PageQuery.extend({ name: z.string().min(1).max(256).optional() }),
    answer: "json",
    status: 200,
    response: page(Repository),
    sdk: "repositories.list",
    cli: "ci repo list",
  },
  "repositories.create": {
    method: "POST",
    path: "/v1/repositories",
    summary: "Add a repository; the answer shows the secret for its webhook this once",
    minimumRole: "operator",
    body: RepositoryInput,
    answer: "json",
    status: 201,
    response: z.strictObject({ repository: Repository, webhookSecret: z.string() }),
    sdk: "repositories.create",
    cli: "ci repo add",
  },
  "repositories.get": {
    method: "GET",
    path: at,
    summary: "Get a repository",
    minimumRole: "viewer",
    params: IdParams,
    answer: "json",
    status: 200,
    response: Repository,
    sdk: "repositories.get",
    cli: "ci repo show",
  },
  "repositories.update": {
    method: "PATCH",
    path: at,
    summary: "Change a repository's credentials, limits, labels or default branch",
    minimumRole: "operator",
    params: IdParams,
    body: RepositoryPatch,
    answer: "json",
    status: 200,
    response: Repository,
    sdk: "repositories.update",
    cli: "ci repo set",
  },
  "repositories.delete": {
    method: "DELETE",
    path: at,
    summary: "Remove a repository with its secrets and variables, and its webhook at the forge where that is possible",
    minimumRole: "operator",
    params: IdParams,
    answer: "none",
    status: 204,
    sdk: "repositories.delete",
    cli: "ci repo remove",
  },
  "repositories.hook": {
    method: "POST",
    path: `${at}/hook`,
    summary: "Register a repository's webhook at its forge, or give it a new secret, which is shown this once",
    minimumRole: "operator",
    params: IdParams,
    body: z.strictObject({
      /** This server's `/webhooks/…` as the forge reaches it. */
      url: z
        .url({ protocol: /^https?$/ })
        .max(2048)
        .optional(),
      /** Makes a new secret; the one before is worth nothing from then on. */
      rotate: z.boolean().optional(),
    }),
    answer: "json",
    status: 200,
    response: z.strictObject({ repository: Repository, webhookSecret: z.string().optional() }),
    sdk: "repositories.hook",
    cli: "ci repo hook",
  },
  "repositories.secrets.list": {
    method: "GET",
    path: `${at}/secrets`,
    summary: "List a repository's or an environment's secrets; never their values",
    minimumRole: "developer",
    params: IdParams,
    query: ValueQuery,
    answer: "json",
    status: 200,
    response: whole(Value),
    audited: true,
    sdk: "repositories.secrets.list",
    cli: "ci repo secret list",
  },
  "repositories.secrets.set": {
    method: "PUT",
    path: `${at}/secrets/{name}`,
    summary: "Make or replace a secret that workflows find under `secrets`",
    minimumRole: "operator",
    params: ValueParams,
    query: ValueQuery,
    body: ValueInput,
    answer: "json",
    status: 200,
    response: Value,
    sdk: "repositories.secrets.set",
    cli: "ci repo secret set",
  },
  "repositories.secrets.delete": {
    method: "DELETE",
    path: `${at}/secrets/{name}`,
    summary: "Delete a secret of a repository or an environment",
    minimumRole: "operator",
    params: ValueParams,
    query: ValueQuery,
    answer: "none",
    status: 204,
    sdk: "repositories.secrets.delete",
    cli: "ci repo secret delete",
  },
  "repositories.variables.list": {
    method: "GET",
    path: `${at}/variables`,
    summary: "List a repository's or an environment's variables",
    minimumRole: "viewer",
    params: IdParams,
    query: ValueQuery,
    answer: "json",
    status: 200,
    response: whole(Variable),
    sdk: "repositories.variables.list",
    cli: "ci repo variable list",
  },
  "repositories.variables.set": {
    method: "PUT",
    path: `${at}/variables/{name}`,
    summary: "Make or replace a variable that workflows find under `vars`",
    minimumRole: "developer",
    params: ValueParams,
    query: ValueQuery,
    body: ValueInput,
    answer: "json",
    status: 200,
    response: Variable,
    sdk: "repositories.variables.set",
    cli: "ci repo variable set",
  },
  "repositories.variables.delete": {
    method: "DELETE",
    path: `${at}/variables/{name}`,
    summary: "Delete a variable of a repository or an environment",
    minimumRole: "developer",
    params: ValueParams,
    query: ValueQuery,
    answer: "none",
    status: 204,
    sdk: "repositories.variables.delete",
    cli: "ci repo variable delete",
  },
});
