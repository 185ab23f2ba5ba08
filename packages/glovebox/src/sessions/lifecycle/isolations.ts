import { GloveboxError, type Isolation, type Language } from "../../core/index.ts";
import {
  type DriverCapabilities,
  ISOLATION_PREFERENCE,
  type IsolationDriver,
  type ProbeResult,
} from "../../sandbox/index.ts";
import type { SessionServices } from "../services.ts";

type Answer = Awaited<ReturnType<SessionServices["isolations"]>>;

/** A failed probe is asked again after this long: somebody may have installed what was missing. */
const RETRY_FAILED_MS = 30_000;

/** What the drivers' probes said, kept. */
export class Isolations {
  readonly #drivers: ReadonlyMap<Isolation, IsolationDriver>;
  readonly #probes = new Map<Isolation, { readonly result: Promise<ProbeResult>; readonly atMs: number }>();

  constructor(drivers: ReadonlyMap<Isolation, IsolationDriver>) {
    this.#drivers = drivers;
  }

  async all(options?: { readonly fresh?: boolean }): Promise<Answer> {
    if (options?.fresh === true) this.#probes.clear();
    const entries = await Promise.all(
      [...this.#drivers.keys()].map(async (isolation) => [isolation, await this.#probe(isolation)] as const),
    );
    return { probes: Object.fromEntries(entries), ...(await this.choose()) };
  }

  /** The isolation that a session gets which names none, and why. */
  async choose(languages: readonly Language[] = []): Promise<{ readonly default?: Isolation; readonly why: string }> {
    const reasons: string[] = [];
    for (const isolation of ISOLATION_PREFERENCE) {
      if (!this.#drivers.has(isolation)) continue;
      const probe = await this.#probe(isolation);
      if (!probe.available) reasons.push(`${isolation}: ${probe.reason}`);
      else if (!languages.every((language) => probe.capabilities.languages.includes(language))) {
        reasons.push(`${isolation} lacks ${languages.join(", ")}`);
      } else {
        const why = `${isolation} works here and starts fast`;
        return { default: isolation, why: reasons.length === 0 ? why : `${why}; ${reasons.join("; ")}` };
      }
    }
    return { why: reasons.length === 0 ? "there is no driver" : `none works here: ${reasons.join("; ")}` };
  }

  /** What an isolation can do here. Errors: `isolation_unavailable` with the reason. */
  async require(isolation: Isolation): Promise<DriverCapabilities> {
    if (!this.#drivers.has(isolation)) {
      throw new GloveboxError("isolation_unavailable", `this version of Glovebox has no driver for '${isolation}'`);
    }
    const probe = await this.#probe(isolation);
    if (probe.available) return probe.capabilities;
    throw new GloveboxError("isolation_unavailable", `'${isolation}' does not work here: ${probe.reason}`, {
      details: { isolation, reason: probe.reason },
    });
  }

  driver(isolation: Isolation): IsolationDriver {
    const driver = this.#drivers.get(isolation);
    if (driver === undefined) throw new GloveboxError("isolation_unavailable", `there is no driver for '${isolation}'`);
    return driver;
  }

  /** Has every driver give back memory of what it keeps ready. */
  async shrink(): Promise<void> {
    await Promise.all([...this.#drivers.values()].map((driver) => driver.shrink?.()));
  }

  async #probe(isolation: Isolation): Promise<ProbeResult> {
    const kept = this.#probes.get(isolation);
    if (kept !== undefined) {
      const result = await kept.result;
      if (result.available || performance.now() - kept.atMs < RETRY_FAILED_MS) return result;
      if (this.#probes.get(isolation) !== kept) return this.#probe(isolation);
    }
    const result = this.driver(isolation).probe();
    this.#probes.set(isolation, { result, atMs: performance.now() });
    return result;
  }
}
