import { z } from "zod";
import { CiSchema } from "./ci-schema.ts";
import { PoolsSchema } from "./pools-schema.ts";

const ms = (min: number, max: number) => z.number().int().min(min).max(max);
const bytes = z
  .number()
  .int()
  .min(1024)
  .max(2 ** 40);
const days = z.number().int().min(0).max(36_500).nullable();

function quota(whose: string) {
  const amount = z
    .number()
    .int()
    .min(0)
    .max(2 ** 40);
  return z
    .strictObject({
      sessions: amount.optional().describe(`Live sessions of ${whose}`),
      memoryMb: amount.optional().describe(`Sum of their memory limits, MiB, of ${whose}`),
      diskMb: amount.optional().describe(`Sum of their disk limits, MiB, of ${whose}`),
      snapshotMb: amount.optional().describe(`What the snapshots of all sessions take on disk, MiB, of ${whose}`),
    })
    .prefault({});
}

/**
 * Everything that can be configured, with its default. A key `http.bodyBytes` is `http: {bodyBytes: …}` in `glovebox.yaml` and
 * `GLOVEBOX_HTTP_BODY_BYTES` in the environment.
 */
export const ConfigSchema = z.strictObject({
  host: z.string().min(1).max(255).default("127.0.0.1").describe("Address to listen on"),
  port: z.number().int().min(0).max(65_535).default(7070).describe("Port to listen on; 0 takes a free one"),
  dataDir: z.string().min(1).max(4096).describe("Folder of everything that is kept; GLOVEBOX_DATA in the environment"),
  logLevel: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("The least that is logged, as JSON lines on stderr"),
  uidBase: z
    .number()
    .int()
    .min(1000)
    .max(2 ** 31)
    .optional()
    .describe(
      "First of the host's user ids that sandboxes get when the server runs as root; default from the data folder",
    ),
  redaction: z
    .strictObject({
      profile: z
        .enum(["off", "default", "strict"])
        .default("default")
        .describe(
          "What is masked in output before it is stored, and in logs: `default` credentials, `strict` also e-mail addresses and whatever is assigned to the name of a secret, `off` nothing but values from the secrets store",
        ),
      fields: z
        .array(
          z
            .string()
            .max(256)
            .regex(/^[^.]+(?:\.[^.]+){0,15}$/, "keys joined by dots, 16 at most"),
        )
        .max(100)
        .default([])
        .describe(
          "Fields of JSON that are masked whole, as paths: `*` stands for any one key, `**` for any number of them",
        ),
    })
    .prefault({}),
  http: z
    .strictObject({
      bodyBytes: bytes.default(16 * 2 ** 20).describe("The most a JSON body may have"),
      uploadBytes: bytes.default(8 * 2 ** 30).describe("The most an uploaded file or archive may have"),
      headersTimeoutMs: ms(1000, 3_600_000).default(15_000).describe("For the headers of a request to arrive"),
      requestTimeoutMs: ms(1000, 86_400_000)
        .default(3_600_000)
        .describe("For a whole request, with what it uploads, to arrive"),
      keepAliveTimeoutMs: ms(100, 3_600_000).default(72_000).describe("How long an idle connection is kept"),
      maxConnections: z.number().int().min(1).max(1_000_000).default(10_000).describe("Connections at once"),
      heartbeatMs: ms(100, 3_600_000)
        .default(15_000)
        .describe("Quiet time after which live streams send a sign of life"),
      shutdownGraceMs: ms(0, 3_600_000)
        .default(10_000)
        .describe("What running requests get to end when the server stops"),
      corsOrigins: z
        .array(z.string().regex(/^https?:\/\/[^/\s*]+$/, "not an origin such as https://example.org"))
        .max(100)
        .default([])
        .describe("Web origins that may call the API from a browser"),
      docs: z.boolean().default(true).describe("Whether /docs and /v1/openapi.json are served"),
    })
    .prefault({}),
  auth: z
    .strictObject({
      ipAllowList: z
        .array(z.string().min(2).max(64))
        .max(1000)
        .default([])
        .describe("Addresses and CIDR ranges that may connect; empty means all"),
      loopbackWithoutToken: z
        .boolean()
        .default(false)
        .describe("Whether requests from this machine need no token and count as the root token's"),
      failuresPerMinute: z
        .number()
        .int()
        .min(0)
        .max(100_000)
        .default(60)
        .describe("Failed attempts that one address may make before it must wait; 0 means any number"),
    })
    .prefault({}),
  rateLimit: z
    .strictObject({
      perSecond: z
        .number()
        .min(0)
        .max(1_000_000)
        .default(1000)
        .describe("Requests a token may make; 0 means any number"),
      burst: z.number().int().min(1).max(1_000_000).default(2000).describe("Requests a token may make at once"),
    })
    .prefault({}),
  sandbox: z
    .strictObject({
      waitingSupervisors: z
        .number()
        .int()
        .min(0)
        .max(64)
        .default(2)
        .describe("Supervisors that wait in readiness, so that bubblewrap sessions start faster"),
      warmWorkers: z
        .number()
        .int()
        .min(0)
        .max(64)
        .default(2)
        .describe("Workers that wait in readiness for `isolate` sessions; each takes about 25 MiB"),
      machineCopies: z
        .enum(["process", "files"])
        .default("process")
        .describe(
          "What microVMs are copied from where there is no KVM: `process` a QEMU that stands ready for each template in use, within a tenth of a second; `files` saved machines, with a uid and namespaces of their own",
        ),
      machineTemplatesMb: z
        .number()
        .int()
        .min(256)
        .max(2 ** 20)
        .default(4096)
        .describe(
          "MiB that saved machines may take from which microVM sessions begin; those used longest ago are removed",
        ),
    })
    .prefault({}),
  pools: PoolsSchema,
  retention: z
    .strictObject({
      events: days.optional().describe("Days that events are kept; null means for ever"),
      executions: days.optional().describe("Days that executions are kept; null means for ever"),
      closedSessions: days.optional().describe("Days that closed sessions are kept; null means for ever"),
      runs: days.optional().describe("Days that ended runs and their journals are kept; null means for ever"),
    })
    .prefault({})
    .describe("Where set, it replaces at each start what `retention set` has stored"),
  secrets: z
    .strictObject({
      keyFile: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe(
          "File of the master key for secrets, made at first need; from the data folder on; default secrets.key. GLOVEBOX_SECRETS_KEY stands instead of it",
        ),
    })
    .prefault({}),
  audit: z
    .strictObject({
      retentionDays: days.default(365).describe("Days that the audit log is kept; null means for ever"),
    })
    .prefault({}),
  egress: z
    .strictObject({
      permitAddresses: z
        .array(z.string().min(2).max(64))
        .max(1000)
        .default([])
        .describe(
          "Private addresses and CIDR ranges that sandboxes may reach where their template allows the host; link-local ones never",
        ),
      nameServers: z
        .array(z.string().min(2).max(80))
        .max(16)
        .default([])
        .describe("Name servers (address or address:port) that the proxy asks; empty means this machine's"),
      authoritiesFile: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe("PEM file of authorities that the proxy trusts besides this machine's"),
    })
    .prefault({}),
  packages: z
    .strictObject({
      node: z.url().optional().describe("npm registry; default as npm on this machine says"),
      python: z.url().optional().describe("Python package index; default as pip on this machine says"),
      pythonFiles: z
        .array(z.string().min(1).max(260))
        .max(16)
        .default([])
        .describe("Hosts besides the index's that wheels come from"),
      aptSourcesFile: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe("Debian sources, as in sources.list; default those of this machine"),
      maxMb: z
        .number()
        .int()
        .min(0)
        .max(2 ** 30)
        .default(20_480)
        .describe("MiB that the installed packages of all templates may take"),
    })
    .prefault({}),
  runs: z
    .strictObject({
      programs: z
        .array(z.string().min(1).max(4096))
        .max(256)
        .default([])
        .describe(
          "Modules whose programs can be started as runs, from the folder of the server; their code is trusted",
        ),
      concurrency: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(64)
        .describe("Runs at work at a time; waiting ones do not count"),
      perTenant: z.number().int().min(1).max(10_000).optional().describe("Runs of one tenant at work at a time"),
      maxQueued: z.number().int().min(1).max(1_000_000).default(10_000).describe("Runs that may wait for their turn"),
      budget: z
        .strictObject({
          tokens: z.number().min(0).optional().describe("Tokens, in and out, of all runs of a tenant"),
          dollars: z.number().min(0).optional().describe("US dollars of all runs of a tenant"),
          toolCalls: z.number().min(0).optional().describe("Tool calls of all runs of a tenant"),
          sandboxSeconds: z.number().min(0).optional().describe("Seconds of sandboxes' work of all runs of a tenant"),
        })
        .prefault({}),
    })
    .prefault({}),
  agents: z
    .strictObject({
      model: z
        .strictObject({
          provider: z
            .enum(["ollama", "openai", "openrouter", "anthropic", "scripted"])
            .default("ollama")
            .describe("Who is asked by agents and flows; `scripted` answers from a file and asks nobody"),
          baseUrl: z
            .url({ protocol: /^https?$/ })
            .optional()
            .describe("Of the provider; default: its own, Ollama's on this machine; `openai` needs it"),
          model: z
            .string()
            .min(1)
            .max(256)
            .optional()
            .describe("As the provider names it; without it agents and flows do without a model"),
          apiKeyEnv: z
            .string()
            .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of a variable")
            .optional()
            .describe("The environment variable that has the key"),
          script: z
            .string()
            .min(1)
            .max(4096)
            .optional()
            .describe("Of `scripted`: a JSON file of answers, from the folder of the server"),
          seed: z.number().int().min(0).max(2_147_483_647).default(1).describe("Given to the model with each question"),
          prices: z
            .strictObject({
              input: z.number().min(0).max(10_000).describe("US dollars for a million tokens that the model is given"),
              output: z.number().min(0).max(10_000).describe("US dollars for a million tokens that it answers"),
            })
            .optional()
            .describe("What the agents' model costs; without it no flow that asks the model takes a budget in dollars"),
        })
        .refine(({ provider, baseUrl }) => provider !== "openai" || baseUrl !== undefined, "`baseUrl` is missing")
        .refine(({ provider, script }) => provider !== "scripted" || script !== undefined, "`script` is missing")
        .prefault({}),
    })
    .prefault({})
    .describe("Who works on repositories"),
  flows: z
    .strictObject({
      folder: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe("Folder of flows, a YAML file each, from the folder of the server"),
      modules: z
        .array(z.string().min(1).max(4096))
        .max(256)
        .default([])
        .describe("Modules of flows in TypeScript, from the folder of the server; their code is trusted"),
      rounds: z
        .number()
        .int()
        .min(1)
        .max(10)
        .default(3)
        .describe("How often feature-add and fix-failing try to make the tests pass, where a request does not say"),
      budget: z
        .strictObject({
          wallMs: z.number().int().min(1).optional().describe("Milliseconds of a flow's run, waiting included"),
          tokens: z.number().min(0).optional().describe("Tokens of a flow's run, in and out"),
          dollars: z.number().min(0).optional().describe("US dollars of a flow's run"),
          toolCalls: z.number().min(0).optional().describe("Tool calls of a flow's run"),
          sandboxSeconds: z.number().min(0).optional().describe("Seconds of sandboxes' work of a flow's run"),
        })
        .prefault({}),
    })
    .prefault({})
    .describe("What agents do together"),
  chat: z
    .strictObject({
      assistants: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe(
          "Folder of assistants, a YAML file each, from the folder of the server; without it there is only `demo`, which needs no model",
        ),
    })
    .prefault({}),
  context: z
    .strictObject({
      embedder: z
        .strictObject({
          kind: z
            .enum(["hashing", "ollama", "openai"])
            .default("hashing")
            .describe("What makes vectors of texts: `hashing` needs no model; the others ask a server"),
          baseUrl: z
            .url({ protocol: /^https?$/ })
            .optional()
            .describe("Of the server; default Ollama's on this machine"),
          model: z.string().min(1).max(256).optional().describe("As the server names it"),
          dimensions: z.number().int().min(1).max(4096).optional().describe("Of the model's vectors"),
          apiKeyEnv: z
            .string()
            .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of a variable")
            .optional()
            .describe("The environment variable that has the key"),
        })
        .refine(
          ({ kind, model, dimensions }) => kind === "hashing" || (model !== undefined && dimensions !== undefined),
          "`model` and `dimensions` belong to an embedder that is asked",
        )
        .refine(({ kind, baseUrl }) => kind !== "openai" || baseUrl !== undefined, "`baseUrl` is missing")
        .prefault({}),
      readers: z.number().int().min(1).max(16).default(2).describe("Threads that read and search the context store"),
    })
    .prefault({})
    .describe("What agents know about projects: the context store"),
  images: z
    .strictObject({
      dir: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe("Where root images are kept; default a folder that the servers of this installation share"),
      definitionsDir: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe("Folder of the definitions of images; default those that Glovebox brings"),
      maxMb: z
        .number()
        .int()
        .min(1)
        .max(2 ** 24)
        .default(16_384)
        .describe("MiB that the files of one image may have, unpacked"),
    })
    .prefault({}),
  ci: CiSchema,
  quotas: z
    .strictObject({ tenant: quota("each tenant"), host: quota("all tenants together") })
    .prefault({})
    .describe("What live sessions, and the snapshots of any, may take; absent means unlimited"),
});

/** Absent settings are absent, never `undefined`. */
type Present<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]: Present<Exclude<T[K], undefined>> }
    : T;

/** The effective configuration. */
export type Config = Present<z.output<typeof ConfigSchema>>;

/** The schema as published, JSON Schema 2020-12 of what the file may hold. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = ConfigSchema.partial({ dataDir: true });
  return { title: "glovebox.yaml", ...z.toJSONSchema(schema, { io: "input" }) };
}
