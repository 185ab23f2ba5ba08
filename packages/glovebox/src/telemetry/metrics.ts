import type { Counter, Histogram, Registry } from "prom-client";
import type { Counted, Metrics, Sample, Timed, Watched } from "../core/index.ts";
import { COUNTED, TIMED, WATCHED } from "./figures.ts";
import { addProcess } from "./process-figures.ts";

type Labels = Readonly<Record<string, string>>;
type Look = () => Iterable<Sample<object>>;

const PREFIX = "glovebox_";
/** Label sets of one figure; what would be another one is counted as `other`. */
const MAX_SETS = 1_000;
/** The library is loaded for the first look, or after so many figures: no server needs it to start. */
const LOAD_AFTER = 1_000;
/** Figures that are kept until it is there. */
const MAX_WAITING = 10_000;

/** What the server counts and times, for Prometheus. Each server has its own. */
export interface ServerMetrics extends Metrics {
  /** In Prometheus' text format 0.0.4. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

interface Loaded {
  readonly registry: Registry;
  readonly timed: ReadonlyMap<string, Histogram>;
  readonly counted: ReadonlyMap<string, Counter>;
}

export function createMetrics(): ServerMetrics {
  return new PrometheusMetrics();
}

class PrometheusMetrics implements ServerMetrics {
  readonly #looks = new Map<keyof Watched, Look>();
  readonly #sets = new Map<string, Set<string>>();
  #waiting: ((loaded: Loaded) => void)[] = [];
  #loading: Promise<Loaded> | undefined;
  #loaded: Loaded | undefined;

  timed<Name extends keyof Timed>(name: Name, ms: number, labels: Timed[Name]): void {
    const kept = this.#bounded(name, labels);
    this.#note((loaded) => loaded.timed.get(name)?.observe(kept, ms / 1000));
  }

  counted<Name extends keyof Counted>(name: Name, labels: Counted[Name]): void {
    const kept = this.#bounded(name, labels);
    this.#note((loaded) => loaded.counted.get(name)?.inc(kept));
  }

  watch<Name extends keyof Watched>(name: Name, look: () => Iterable<Sample<Watched[Name]>>): void {
    this.#looks.set(name, look);
  }

  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    const { registry } = await this.#load();
    return { contentType: registry.contentType, body: await registry.metrics() };
  }

  #note(write: (loaded: Loaded) => void): void {
    if (this.#loaded !== undefined) write(this.#loaded);
    else if (this.#waiting.length < MAX_WAITING) {
      const waiting = this.#waiting.push(write);
      // Should it not be there, whoever looks is told.
      if (waiting === LOAD_AFTER) this.#load().catch(() => {});
    }
  }

  /** Types say that labels are from closed lists. Should one not be, it must not fill the memory. */
  #bounded(name: string, labels: Labels): Labels {
    const sets = this.#sets.get(name) ?? new Set();
    this.#sets.set(name, sets);
    const key = Object.values(labels).join("\0");
    if (sets.has(key)) return labels;
    if (sets.size < MAX_SETS) {
      sets.add(key);
      return labels;
    }
    return Object.fromEntries(Object.keys(labels).map((label) => [label, "other"]));
  }

  #load(): Promise<Loaded> {
    this.#loading ??= this.#makeLoaded();
    return this.#loading;
  }

  async #makeLoaded(): Promise<Loaded> {
    const { Counter, Gauge, Histogram, Registry } = await import("prom-client");
    const registry = new Registry();
    const registers = [registry];
    const timed = Object.entries(TIMED).map(([key, { name, help, labels, buckets }]) => {
      const options = { help, labelNames: [...labels], buckets: [...buckets], registers };
      return [key, new Histogram({ name: `${PREFIX}${name}_duration_seconds`, ...options })] as const;
    });
    const counted = Object.entries(COUNTED).map(([key, { name, help, labels }]) => {
      return [key, new Counter({ name: `${PREFIX}${name}_total`, help, labelNames: [...labels], registers })] as const;
    });
    for (const [key, { name, help, labels }] of Object.entries(WATCHED)) {
      const look = () => this.#looks.get(key as keyof Watched)?.() ?? [];
      new Gauge({
        name: PREFIX + name,
        help,
        labelNames: [...labels],
        registers,
        collect() {
          this.reset();
          for (const { labels: given, value } of look()) this.inc(given, value);
        },
      });
    }
    addProcess({ Counter, Gauge }, registers);
    const loaded = { registry, timed: new Map(timed), counted: new Map(counted) };
    this.#loaded = loaded;
    for (const write of this.#waiting) write(loaded);
    this.#waiting = [];
    return loaded;
  }
}
