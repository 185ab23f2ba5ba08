import { rm } from "node:fs/promises";
import {
  GloveboxError,
  isGloveboxError,
  LIVE_SESSION_STATUSES,
  type SandboxService,
  type Session,
  type SessionInput,
  type StreamRef,
  toTimestamp,
} from "../../core/index.ts";
import type { SandboxFiles } from "../../sandbox/index.ts";
import type { Page, SessionFilter } from "../../store/index.ts";
import { GrowingRedactor } from "../output/growing-redactor.ts";
import type { Pausing } from "../pausing/pausing.ts";
import type { Pools } from "../pools/pools.ts";
import type { Room } from "../room.ts";
import type { SessionService, TemplateService } from "../services.ts";
import { sessionFolder } from "../snapshots/folders.ts";
import { chooseTemplate } from "./choose-template.ts";
import { sessionStream } from "./idle-output.ts";
import type { Isolations } from "./isolations.ts";
import { openSession, type SessionWish } from "./open-session.ts";
import type { SessionKeeper } from "./session-keeper.ts";
import { checkWorkspace, removeWorkspace, workspaceDir } from "./workspace.ts";

type Created = Awaited<ReturnType<SessionService["create"]>>;

export class Sessions implements SessionService {
  readonly #room: Room;
  readonly #templates: TemplateService;
  readonly #keeper: SessionKeeper;
  readonly #isolations: Isolations;
  readonly #pools: Pools;
  readonly #pausing: Pausing;
  /** Sessions with a key that are being made, by tenant and key. */
  readonly #opening = new Map<string, Set<Promise<void>>>();

  constructor(
    room: Room,
    parts: {
      templates: TemplateService;
      keeper: SessionKeeper;
      isolations: Isolations;
      pools: Pools;
      pausing: Pausing;
    },
  ) {
    this.#room = room;
    this.#templates = parts.templates;
    this.#keeper = parts.keeper;
    this.#isolations = parts.isolations;
    this.#pools = parts.pools;
    this.#pausing = parts.pausing;
  }

  async create(
    tenantId: string,
    input: SessionInput,
    options: { readonly trusted?: boolean; readonly signal?: AbortSignal; readonly services?: true } = {},
  ): Promise<Created> {
    checkWorkspace(input.workspace, options.trusted === true);
    if (input.reuse === true && input.key === undefined) {
      throw new GloveboxError("invalid_argument", "'reuse' needs a 'key'", { details: { path: "key" } });
    }
    try {
      const wish = options.services === true ? { ...input, services: true as const } : input;
      return await this.#create(tenantId, wish, options.signal);
    } catch (error) {
      if (options.signal?.aborted !== true || isGloveboxError(error)) throw error;
      throw new GloveboxError("cancelled", "making the session was cancelled", { cause: error });
    }
  }

  async #create(tenantId: string, input: SessionWish, signal: AbortSignal | undefined): Promise<Created> {
    const open = input.reuse === true ? await this.#reuse(tenantId, input.key ?? "", signal) : undefined;
    if (open !== undefined) return { session: open, reused: true };
    const choice = await chooseTemplate(tenantId, input, this.#templates, this.#isolations);
    const parts = { room: this.#room, keeper: this.#keeper, isolations: this.#isolations, pools: this.#pools };
    const opening = openSession(parts, tenantId, input, choice, signal);
    if (input.key !== undefined) this.#remember(`${tenantId}/${input.key}`, opening);
    try {
      return { session: await opening, reused: false };
    } catch (error) {
      // Somebody was faster with the same key.
      if (!isGloveboxError(error, "conflict") || input.reuse !== true) throw error;
      const other = await this.#reuse(tenantId, input.key ?? "", signal);
      if (other === undefined) throw error;
      return { session: other, reused: true };
    }
  }

  /** Until it is open or has failed, others with the key wait for it. */
  #remember(key: string, opening: Promise<Session>): void {
    const all = this.#opening.get(key) ?? new Set();
    this.#opening.set(key, all);
    const done = opening
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        all.delete(done);
        if (all.size === 0) this.#opening.delete(key);
      });
    all.add(done);
  }

  async get(tenantId: string, id: string): Promise<Session> {
    const live = this.#keeper.registry.find(tenantId, id);
    const row = await this.#room.store.sessions.get(tenantId, id);
    if (row === undefined) throw new GloveboxError("not_found", `no session ${id}`);
    return live === undefined ? row : { ...row, lastActivityAt: this.#lastActivity(live) };
  }

  list(tenantId: string, filter?: SessionFilter): Promise<Page<Session>> {
    return this.#room.store.sessions.list(tenantId, filter);
  }

  async close(tenantId: string, id: string, by = "client"): Promise<Session> {
    const live = this.#keeper.registry.find(tenantId, id);
    if (live !== undefined && !live.pausing) return this.#keeper.close(live, by);
    const row = await this.get(tenantId, id);
    if (row.status === "paused" || live !== undefined) return this.#pausing.close(tenantId, id, by);
    if (!LIVE_SESSION_STATUSES.includes(row.status)) return row;
    // Nobody holds it: it was left by a failure.
    const closedAt = toTimestamp(this.#room.clock.nowMs());
    const closed = await this.#room.store.sessions.update(tenantId, id, { status: "closed", closedAt, closedBy: by });
    return closed ?? row;
  }

  async delete(tenantId: string, id: string): Promise<void> {
    await this.close(tenantId, id);
    const { store, dataDir } = this.#room;
    const internals = await store.sessions.internals(id);
    await store.sessions.delete(tenantId, id);
    await removeWorkspace(internals?.workspaceDir ?? workspaceDir(dataDir, id));
    await rm(sessionFolder(dataDir, id), { recursive: true, force: true });
  }

  async keepalive(tenantId: string, id: string): Promise<Session> {
    const live = await this.#keeper.registry.ready(tenantId, id);
    live.touch();
    const lastActivityAt = this.#lastActivity(live);
    const row = await this.#room.store.sessions.update(tenantId, id, { lastActivityAt });
    if (row !== undefined) live.row = row;
    return live.row;
  }

  pause(tenantId: string, id: string, options?: { readonly release?: boolean }): Promise<Session> {
    return this.#pausing.pause(tenantId, id, options);
  }

  resume(tenantId: string, id: string): Promise<Session> {
    return this.#pausing.resume(tenantId, id);
  }

  async stats(tenantId: string, id: string): ReturnType<SessionService["stats"]> {
    const live = await this.#keeper.registry.ready(tenantId, id);
    const stats = await live.bench.sandbox.stats();
    return { ...stats, limits: live.bench.sandbox.limitsApplied };
  }

  async files(tenantId: string, id: string): Promise<SandboxFiles> {
    const live = await this.#keeper.registry.ready(tenantId, id);
    live.touch();
    return live.bench.sandbox.files;
  }

  async masks(tenantId: string, id: string): Promise<GrowingRedactor> {
    const { redactor } = await this.#keeper.registry.ready(tenantId, id);
    if (redactor instanceof GrowingRedactor) return redactor;
    throw new GloveboxError("unavailable", "this server masks nothing, so it is given no secrets");
  }

  async offer(tenantId: string, id: string, service: SandboxService): Promise<boolean> {
    const { offer } = await this.#keeper.registry.ready(tenantId, id);
    offer?.(service);
    return offer !== undefined;
  }

  async eventStream(tenantId: string, id: string): Promise<StreamRef> {
    await this.get(tenantId, id);
    return sessionStream(tenantId, id);
  }

  async summary(tenantId: string): ReturnType<SessionService["summary"]> {
    const { store } = this.#room;
    const [sessions, executions] = await Promise.all([
      store.sessions.countByStatus(tenantId),
      store.executions.countByStatus(tenantId),
    ]);
    const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
    const live = LIVE_SESSION_STATUSES.reduce((count, status) => count + (sessions[status] ?? 0), 0);
    return {
      sessions: { total: sum(sessions), live, byStatus: sessions },
      executions: { byStatus: executions, queued: executions.queued ?? 0, running: executions.running ?? 0 },
    };
  }

  #lastActivity(live: { readonly lastActivityMs: number }): string {
    const { clock } = this.#room;
    return toTimestamp(clock.nowMs() - Math.max(0, clock.monotonicMs() - live.lastActivityMs));
  }

  /** The open session with the key, once it is ready. */
  async #reuse(tenantId: string, key: string, signal: AbortSignal | undefined): Promise<Session | undefined> {
    for (;;) {
      signal?.throwIfAborted();
      const row = await this.#room.store.sessions.openByKey(tenantId, key);
      if (row?.status !== "starting") {
        if (row !== undefined) this.#keeper.registry.touch(row.id);
        return row;
      }
      const opening = this.#opening.get(`${tenantId}/${key}`);
      if (opening === undefined)
        throw new GloveboxError("unavailable", `the session with the key '${key}' is being started`);
      await Promise.race(opening);
    }
  }
}
