import { availableParallelism } from "node:os";
import {
  GloveboxError,
  isGloveboxError,
  type Pool,
  type PoolChange,
  type PoolSpec,
  type Template,
} from "../../core/index.ts";
import type { SandboxSpec } from "../../sandbox/index.ts";
import type { Isolations } from "../lifecycle/isolations.ts";
import type { QuotaLedger } from "../lifecycle/quota-ledger.ts";
import { sessionLimits } from "../lifecycle/session-spec.ts";
import type { Room } from "../room.ts";
import type { PoolService, TemplateService } from "../services.ts";
import { PoolFigures } from "./figures.ts";
import { type Fit, fit } from "./fit.ts";
import { type MemoryThresholds, memoryShortage } from "./host-memory.ts";
import { makeMember } from "./make-member.ts";
import type { PoolMember } from "./pool-member.ts";
import { changedSize, PoolSizes } from "./pool-sizes.ts";
import { type Hold, type Taken, WarmPool } from "./warm-pool.ts";
import { type PoolState, watchPools } from "./watch-pools.ts";

const TICK_MS = 1_000;
/** While memory is short, drivers are asked this often for what they have made meanwhile. */
const SHRINK_MS = 10_000;

export interface PoolSettings {
  /** Pools of ready-made templates, by name, of the tenant `tenantId`. */
  readonly sizes: ReadonlyMap<string, PoolSpec>;
  readonly tenantId: string;
  readonly memory: MemoryThresholds;
}

export interface PoolParts {
  readonly room: Room;
  readonly isolations: Isolations;
  readonly quotas: QuotaLedger;
  readonly settings: PoolSettings;
  /** Executions that run or wait on this node. */
  readonly executions: () => number;
}

interface Entry {
  template: Template;
  pool: WarmPool | undefined;
  readonly figures: PoolFigures;
}

/** The pools of all templates on this node: it owns the sandboxes in them until a session takes one. */
export class Pools implements PoolService {
  readonly #parts: PoolParts;
  readonly #sizes: PoolSizes;
  readonly #entries = new Map<string, Entry>();
  /** Pools of versions that are gone, until nothing of them is left. */
  readonly #closing = new Set<Promise<void>>();
  #templates: TemplateService | undefined;
  #starting = 0;
  /** As of the last tick. */
  #shortage: string | undefined;
  #shrunkMs = Number.NEGATIVE_INFINITY;
  #shrinking: Promise<void> | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    const { sizes, tenantId } = parts.settings;
    watchPools(
      parts.room.metrics,
      () => this.#states(),
      () => this.#shortage !== undefined,
    );
    this.#sizes = new PoolSizes(parts.room.store.settings, sizes, tenantId);
  }

  /** Starts to fill; until then every session starts without. */
  async begin(templates: TemplateService): Promise<void> {
    const { room, settings } = this.#parts;
    this.#templates = templates;
    this.#tick();
    for (const [id, tenantId] of await this.#sizes.load()) await this.#find(tenantId, id);
    for (const name of settings.sizes.keys()) {
      const found = await this.#find(settings.tenantId, name);
      if (!found) room.logger.warn({ template: name }, "there is no template for a pool of the configuration");
    }
    for (const template of await room.store.templates.pooled()) this.#refresh(template);
    this.#ticking = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** A session is being started: pools wait with theirs until that is over. */
  yieldTo(): Disposable {
    this.#starting += 1;
    let over = false;
    return {
      [Symbol.dispose]: () => {
        if (!over) this.#starting -= 1;
        over = true;
      },
    };
  }

  /**
   * A ready sandbox in place of one that would be made as `spec` says, with or without its kernels; `undefined`: there is none. The caller owns it, once it
   * was seen to be alive. `again`: the one before was not.
   */
  take(
    template: Template,
    spec: SandboxSpec,
    { kernels, again }: { readonly kernels: boolean; readonly again: boolean },
  ): Taken | undefined {
    const entry = this.#entries.get(template.id);
    if (entry?.pool === undefined) return undefined;
    if (entry.template.version !== template.version) return this.#miss(entry, "version");
    const judge = (member: PoolMember): Fit => {
      const found = fit(spec, member.spec, member.sandbox);
      return kernels || "miss" in found ? found : { kernels: new Set() };
    };
    return entry.pool.take(judge, { again });
  }

  /** A session whose workspace must be there before its sandbox takes none. */
  missWorkspace(template: Template): void {
    const entry = this.#entries.get(template.id);
    if (entry?.pool !== undefined) this.#miss(entry, "workspace");
  }

  changed(template: Template): void {
    if (this.#templates !== undefined && !this.#closed) this.#refresh(template);
  }

  async deleted(template: Template): Promise<void> {
    this.#end(template.id);
    if (this.#sizes.has(template.id)) await this.#sizes.set(template, undefined);
  }

  async list(tenantId: string): Promise<readonly Pool[]> {
    const mine = [...this.#entries.values()].filter(({ template }) => template.tenantId === tenantId);
    const on = mine.filter(({ pool }) => pool !== undefined);
    return on.map(({ template }) => this.#report(template)).sort((a, b) => a.template.localeCompare(b.template));
  }

  async show(tenantId: string, idOrName: string): Promise<Pool> {
    return this.#report(await this.#template(tenantId, idOrName));
  }

  async set(tenantId: string, idOrName: string, change: PoolChange): Promise<Pool> {
    const template = await this.#template(tenantId, idOrName);
    if ("reset" in change) await this.#sizes.set(template, undefined);
    else await this.#sizes.set(template, changedSize(this.#sizes.of(template).size, change));
    this.#refresh(template);
    return this.#report(template);
  }

  async drain(tenantId: string, idOrName: string): Promise<Pool> {
    const template = await this.#template(tenantId, idOrName);
    await this.#entries.get(template.id)?.pool?.drain();
    return this.#report(template);
  }

  /** Destroys all that is ready. Sessions start without from now on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#ticking);
    for (const id of [...this.#entries.keys()]) this.#end(id);
    await Promise.all([...this.#closing, this.#shrinking]);
  }

  async #find(tenantId: string, idOrName: string): Promise<boolean> {
    try {
      this.#refresh(await this.#template(tenantId, idOrName));
      return true;
    } catch (error) {
      if (isGloveboxError(error, "not_found")) return false;
      throw error;
    }
  }

  async #template(tenantId: string, idOrName: string): Promise<Template> {
    if (this.#templates === undefined || this.#closed) {
      throw new GloveboxError(
        "unavailable",
        "pools are not there before a server has started and after it has stopped",
      );
    }
    return this.#templates.get(tenantId, idOrName);
  }

  /** Gives a template the pool that it should have now: one for its newest version, in its size, or none. */
  #refresh(template: Template): void {
    if (this.#closed) return;
    const before = this.#entries.get(template.id);
    if (before !== undefined && before.template.version > template.version) return;
    const { size } = this.#sizes.of(template);
    const same = before?.template.version === template.version;
    if (size.max > 0 && same && before.pool !== undefined) {
      before.pool.resize(size);
      return;
    }
    this.#close(before);
    if (size.max === 0 && before === undefined) return;
    const figures = before?.figures ?? this.#newFigures(template);
    const pool = size.max === 0 ? undefined : this.#open(template, size, figures);
    this.#entries.set(template.id, { template, pool, figures });
    pool?.tick();
  }

  #open(template: Template, size: PoolSpec, figures: PoolFigures): WarmPool {
    const { room } = this.#parts;
    return new WarmPool({
      make: (closing) => makeMember(this.#parts, template, closing),
      size,
      figures,
      heldBack: () => this.#heldBack(template),
      now: () => room.clock.monotonicMs(),
      logger: room.logger.child({ template: template.name, templateId: template.id }),
    });
  }

  #heldBack(template: Template): Hold | undefined {
    if (this.#shortage !== undefined) return "memory";
    if (this.#starting > 0 || this.#parts.executions() > availableParallelism()) return "busy";
    return this.#hasQuota(template) ? undefined : "quota";
  }

  /** What is ready takes nothing from sessions, which come first; but with them it must stay within the quotas. */
  #hasQuota(template: Template): boolean {
    const { quotas } = this.#parts;
    const all = [...this.#entries.values()].flatMap(({ template: one, pool }) =>
      Array.from({ length: pool?.held ?? 0 }, () => ({ tenantId: one.tenantId, limits: sessionLimits(one) })),
    );
    return quotas.hasRoom([...all, { tenantId: template.tenantId, limits: sessionLimits(template) }]);
  }

  #tick(): void {
    const { settings, room } = this.#parts;
    const shortage = memoryShortage(settings.memory);
    if (shortage !== undefined && this.#shortage === undefined) {
      room.logger.warn({ shortage }, "memory is short: pools give theirs back");
    }
    this.#shortage = shortage;
    for (const { pool } of this.#entries.values()) pool?.tick({ shed: shortage !== undefined });
    if (shortage !== undefined) this.#shrinkDrivers();
  }

  #shrinkDrivers(): void {
    const { room, isolations } = this.#parts;
    const nowMs = room.clock.monotonicMs();
    if (this.#shrinking !== undefined || nowMs - this.#shrunkMs < SHRINK_MS) return;
    this.#shrunkMs = nowMs;
    this.#shrinking = isolations
      .shrink()
      .catch((error: unknown) => room.logger.warn({ err: error }, "a driver gave no memory back"))
      .finally(() => {
        this.#shrinking = undefined;
      });
  }

  *#states(): Generator<PoolState> {
    for (const { template, pool } of this.#entries.values()) {
      if (pool !== undefined) yield { isolation: template.isolation, ...pool.counts };
    }
  }

  #miss(entry: Entry, reason: "version" | "workspace"): undefined {
    entry.figures.miss(reason);
    return undefined;
  }

  #end(templateId: string): void {
    this.#close(this.#entries.get(templateId));
    this.#entries.delete(templateId);
  }

  #close(entry: Entry | undefined): void {
    if (entry?.pool === undefined) return;
    const closing = entry.pool.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #newFigures({ isolation }: Template): PoolFigures {
    return new PoolFigures(this.#parts.room.metrics, isolation);
  }

  #report(template: Template): Pool {
    const entry = this.#entries.get(template.id);
    const now = entry?.pool?.report(this.#parts.room.clock.nowMs());
    return {
      templateId: template.id,
      template: template.name,
      templateVersion: template.version,
      isolation: template.isolation,
      ...this.#sizes.of(template),
      ...(now ?? { state: "off", target: 0, ready: 0, making: 0 }),
      ...(entry?.figures ?? this.#newFigures(template)).report(),
    };
  }
}
