import { availableParallelism } from "node:os";
import { z } from "zod";

/** Workflows, the forges that they come from, and what they may take. */
export const CiSchema = z
  .strictObject({
    runsOn: z
      .array(
        z
          .string()
          .max(256)
          .regex(/^[^=]+=[a-z0-9][a-z0-9._-]{0,63}$/, "must be label=template"),
      )
      .max(256)
      .default([])
      .describe("Templates by the labels of `runs-on`, as label=template; `ubuntu-*` is `ci` unless it is named here"),
    maxConcurrentJobs: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(Math.max(4, 2 * availableParallelism()))
      .describe("Jobs at work at a time, of all repositories; default twice the processors, at least 4"),
    snapshots: z
      .enum(["never", "after_each_step"])
      .default("after_each_step")
      .describe(
        "`after_each_step` keeps the state after each step, so that a failed job can be retried from its failed step or looked into; `never` is faster with large workspaces",
      ),
    stepTimeoutMinutes: z
      .number()
      .min(0.01)
      .max(525_600)
      .optional()
      .describe("Of a step that names no timeout-minutes; default as its template says"),
    jobTimeoutMinutes: z
      .number()
      .min(0.01)
      .max(525_600)
      .default(360)
      .describe("Of a job that names no timeout-minutes"),
    runTimeoutMinutes: z
      .number()
      .min(0.01)
      .max(525_600)
      .default(4_320)
      .describe("Of a whole run, waiting included; then it is cancelled"),
    translate: z
      .strictObject({
        provider: z.enum(["ollama", "openai", "openrouter", "anthropic"]).default("ollama").describe("Who is asked"),
        baseUrl: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe("Of the provider; default: its own, Ollama's on this machine; `openai` needs it"),
        model: z
          .string()
          .min(1)
          .max(256)
          .optional()
          .describe(
            "Translates files that cannot run as they are into shell steps, when asked to; without it nobody is asked",
          ),
        apiKeyEnv: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of a variable")
          .optional()
          .describe("The environment variable that has the key"),
      })
      .refine(({ provider, baseUrl }) => provider !== "openai" || baseUrl !== undefined, "`baseUrl` is missing")
      .prefault({}),
    publicUrl: z
      .string()
      .regex(/^https?:\/\/[^\s?#]+[^\s?#/]$/, "not a URL, or one with a / at its end")
      .optional()
      .describe("Where people reach this server; what is reported to forges links there"),
    localFolders: z
      .array(z.string().min(1).max(4096))
      .max(64)
      .default([])
      .describe(
        "Folders whose git repositories may be added by their paths; everybody who may add one can then read them",
      ),
    actions: z
      .strictObject({
        allow: z
          .array(
            z
              .string()
              .max(256)
              .regex(/^[\w.*-]+\/[\w.*-]+(@\S+)?$/, "must be owner/repo or owner/repo@ref, with * as a part"),
          )
          .max(1000)
          .default(["actions/*", "github/*"])
          .describe(
            "Actions that workflows may use besides local and built-in ones: `owner/repo` or `owner/repo@ref`, `*` for any part; default GitHub's own",
          ),
        url: z
          .string()
          .regex(/^https?:\/\/[^\s?#]+[^\s?#/]$/, "not a URL, or one with a / at its end")
          .default("https://github.com")
          .describe("Where actions are fetched from, by git"),
      })
      .prefault({}),
    github: z
      .strictObject({
        url: z
          .string()
          .regex(/^https?:\/\/[^\s?#/]+$/, "not a URL of a host alone")
          .default("https://github.com")
          .describe("GitHub, or an Enterprise Server of one's own"),
        apiUrl: z
          .string()
          .regex(/^https?:\/\/[^\s?#]+[^\s?#/]$/, "not a URL, or one with a / at its end")
          .default("https://api.github.com")
          .describe("Its API; of an Enterprise Server `https://HOST/api/v3`"),
        appId: z
          .string()
          .regex(/^\d{1,20}$|^Iv[\w.]{1,64}$/, "not an App's id")
          .optional()
          .describe("Id of a GitHub App; needs privateKeyFile"),
        privateKeyFile: z.string().min(1).max(4096).optional().describe("The App's private key, PEM"),
        webhookSecretFile: z
          .string()
          .min(1)
          .max(4096)
          .optional()
          .describe("What the App's webhook is signed with; without it only repositories' own webhooks are taken"),
        appTenants: z
          .array(z.string().min(1).max(64))
          .max(1000)
          .default(["default"])
          .describe("Tenants whose repositories may be reached as the App, which sees all that it is installed for"),
      })
      .prefault({}),
    webhooks: z
      .strictObject({
        perAddress: z
          .number()
          .min(0)
          .max(100_000)
          .default(50)
          .describe("Deliveries a second from one address; behind a proxy that is everybody together; 0 is no limit"),
        perRepository: z
          .number()
          .min(0)
          .max(100_000)
          .default(10)
          .describe("Deliveries a second for one repository; 0 is no limit"),
        burst: z.number().int().min(1).max(100_000).default(200).describe("Deliveries at once of either"),
      })
      .prefault({}),
  })
  .prefault({});
