import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { Method } from "./artifact-methods.ts";
import type { StoredEntry } from "./job-storage.ts";

const MAX_KEY = 512;
const key = z.string().min(1).max(MAX_KEY);
/** A hash of paths and the way of compression. */
const version = z.string().min(1).max(256);
const Create = z.object({ key, version });
const Finalize = z.object({ key, version, size_bytes: z.union([z.string().max(20), z.number()]).optional() });
const Find = z.object({ key, version, restore_keys: z.array(key).max(10).default([]) });

/** `github.actions.results.api.v1.CacheService`, the second version of caches, with the names of its fields in snake case. */
export const CACHE_METHODS: Readonly<Record<string, Method>> = {
  async CreateCacheEntry({ storage, addresses }, request) {
    const wish = read(Create, request);
    if ((await storage.caches.find(wish.key, [], wish.version)) !== undefined) throw taken(wish.key);
    const id = uploadOf(wish);
    await storage.uploads.begin(id);
    return { ok: true, signed_upload_url: addresses.of("uploads", [id]) };
  },
  async FinalizeCacheEntryUpload({ storage }, request) {
    const wish = read(Finalize, request);
    const id = uploadOf(wish);
    const content = await storage.uploads.read(id);
    if (content === undefined) throw new GloveboxError("not_found", `nothing was uploaded for '${wish.key}'`);
    const isNew = await storage.caches.put(wish.key, wish.version, content);
    await storage.uploads.remove(id);
    const entry = await storage.caches.find(wish.key, [], wish.version);
    // Another job was faster, or its content is larger than all caches may be.
    if (!isNew || entry === undefined) throw taken(wish.key);
    return { ok: true, entry_id: numberOf(entry) };
  },
  async GetCacheEntryDownloadURL({ storage, addresses }, request) {
    const wish = read(Find, request);
    const entry = await storage.caches.find(wish.key, wish.restore_keys, wish.version);
    if (entry === undefined) return { ok: false };
    const address = addresses.of("caches", [entry.name, wish.version]);
    return { ok: true, signed_download_url: address, matched_key: entry.name };
  },
};

function read<T>(schema: z.ZodType<T>, request: unknown): T {
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  throw new GloveboxError("invalid_argument", z.prettifyError(parsed.error).slice(0, 500));
}

function uploadOf(wish: { readonly key: string; readonly version: string }): string {
  return JSON.stringify(["cache", wish.version, wish.key]);
}

function numberOf({ id }: StoredEntry): string {
  return String(Number.parseInt(id.slice(0, 12), 16));
}

function taken(cache: string): GloveboxError {
  return new GloveboxError("already_exists", `there is a cache '${cache}' already`);
}
