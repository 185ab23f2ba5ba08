import { createHash } from "node:crypto";
import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { ArtifactFormat, JobStorage, StoredEntry } from "./job-storage.ts";
import type { TokenScope } from "./job-token.ts";
import type { ToolkitAddresses } from "./toolkit-addresses.ts";

/** What the methods of the services work with. */
export interface MethodParts {
  readonly storage: JobStorage;
  readonly job: TokenScope;
  readonly addresses: ToolkitAddresses;
}

export type Method = (parts: MethodParts, request: unknown) => Promise<Record<string, unknown>>;

const name = z.string().max(256);
/** A run's and a job's id, as the token has them. */
const ids = { workflow_run_backend_id: z.string().max(256), workflow_job_run_backend_id: z.string().max(256) };
const Create = z.object({ ...ids, name, mime_type: z.string().max(256).optional(), version: z.number().optional() });
const Finalize = z.object({ ...ids, name, size: z.string().max(20).optional(), hash: z.string().max(100).optional() });
const List = z.object({
  ...ids,
  name_filter: name.optional(),
  id_filter: z.union([z.string().max(20), z.number()]).optional(),
});
const Named = z.object({ ...ids, name });

const ZIP = "application/zip";

/** `github.actions.results.api.v1.ArtifactService`, with the names of its fields in snake case. */
export const ARTIFACT_METHODS: Readonly<Record<string, Method>> = {
  async CreateArtifact({ storage, job, addresses }, request) {
    const wish = read(Create, request, job);
    if ((await storage.artifacts.list()).some((one) => one.name === wish.name)) throw taken(wish.name);
    // A client that sends one file as it is says so by its type.
    const isZip = wish.mime_type === undefined || wish.mime_type === ZIP;
    await storage.uploads.remove(uploadOf(wish.name, isZip ? "file" : "zip"));
    const id = uploadOf(wish.name, isZip ? "zip" : "file");
    await storage.uploads.begin(id);
    return { ok: true, signed_upload_url: addresses.of("uploads", [id]) };
  },
  async FinalizeArtifact({ storage, job }, request) {
    const wish = read(Finalize, request, job);
    for (const format of ["zip", "file"] as const) {
      const id = uploadOf(wish.name, format);
      const content = await storage.uploads.read(id);
      if (content === undefined) continue;
      const entry = await storage.artifacts.put(wish.name, whole(content, wish), { format });
      await storage.uploads.remove(id);
      return { ok: true, artifact_id: numberOf(entry) };
    }
    throw new GloveboxError("not_found", `nothing was uploaded for '${wish.name}'`);
  },
  async ListArtifacts({ storage, job }, request) {
    const { name_filter, id_filter } = read(List, request, job);
    const found = (await storage.artifacts.list()).filter(
      (entry) =>
        (name_filter === undefined || entry.name === name_filter) &&
        (id_filter === undefined || numberOf(entry) === String(id_filter)),
    );
    return { artifacts: found.map((entry) => described(entry, job)) };
  },
  async GetSignedArtifactURL({ storage, job, addresses }, request) {
    const wish = read(Named, request, job);
    const entry = (await storage.artifacts.list()).find((one) => one.name === wish.name);
    if (entry === undefined) throw missing(wish.name);
    return { signed_url: addresses.of("artifacts", [entry.name], entry.format === "file" ? "" : ".zip") };
  },
  async DeleteArtifact({ storage, job }, request) {
    const wish = read(Named, request, job);
    const entry = (await storage.artifacts.list()).find((one) => one.name === wish.name);
    if (entry === undefined || !(await storage.artifacts.remove(wish.name))) throw missing(wish.name);
    return { ok: true, artifact_id: numberOf(entry) };
  },
};

/** Errors: `invalid_argument`; `permission_denied` for what names another run. */
function read<T extends { readonly workflow_run_backend_id: string }>(
  schema: z.ZodType<T>,
  request: unknown,
  { runId }: TokenScope,
): T {
  const parsed = schema.safeParse(request);
  if (!parsed.success) throw new GloveboxError("invalid_argument", z.prettifyError(parsed.error).slice(0, 500));
  if (parsed.data.workflow_run_backend_id === runId) return parsed.data;
  throw new GloveboxError("permission_denied", "artifacts of other runs cannot be had here");
}

function uploadOf(artifact: string, format: ArtifactFormat): string {
  return JSON.stringify(["artifact", format, artifact]);
}

/** An artifact's id as a number, which is all that the protocol has for one: 48 bits of it. */
function numberOf({ id }: StoredEntry): string {
  return String(Number.parseInt(id.slice(0, 12), 16));
}

function described(entry: StoredEntry, { runId, jobKey }: TokenScope): Record<string, unknown> {
  const { name, size, sha256, createdAtMs, format } = entry;
  return {
    workflow_run_backend_id: runId,
    workflow_job_run_backend_id: jobKey,
    database_id: numberOf(entry),
    name,
    size: String(size),
    created_at: new Date(createdAtMs).toISOString(),
    // What a built-in action kept is made a zip file when it is asked for: its bytes are not known before.
    ...(format !== "tar" && { digest: `sha256:${sha256}` }),
  };
}

/** The content, which breaks off when it turns out not to be what the client says that it sent. */
async function* whole(
  content: AsyncIterable<Uint8Array>,
  { size, hash }: { readonly size?: string | undefined; readonly hash?: string | undefined },
): AsyncGenerator<Uint8Array> {
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.length;
    digest.update(piece);
    yield piece;
  }
  const isSize = size === undefined || Number(size) === bytes;
  const isHash = hash === undefined || hash === `sha256:${digest.digest("hex")}`;
  if (!isSize || !isHash) throw new GloveboxError("invalid_argument", "what was uploaded is not what was sent");
}

function taken(artifact: string): GloveboxError {
  return new GloveboxError(
    "already_exists",
    `an artifact with this name already exists on the workflow run: ${artifact}`,
  );
}

function missing(artifact: string): GloveboxError {
  return new GloveboxError("not_found", `there is no artifact '${artifact}'`);
}
