import { type Clock, canonicalJson, type Run } from "../../core/index.ts";
import type { Store, StoredRun } from "../../store/index.ts";
import { seal } from "../journal/chain.ts";
import { type Hold, isUnfinished, type Runner } from "./runner.ts";

const PAGE = 500;
const REASON = "the run that started it was rolled back";

interface Parts {
  readonly store: Store;
  readonly clock: Clock;
  readonly runner: Runner;
}

/** The runs that a run had started since the place it goes back to, and theirs. Those that had not ended do nothing until they are let go. */
export class HeldDescendants {
  readonly ids: readonly string[];
  readonly #parts: Parts;
  readonly #held: readonly { readonly run: Run; readonly hold: Hold }[];

  private constructor(parts: Parts, ids: readonly string[], held: readonly { run: Run; hold: Hold }[]) {
    this.#parts = parts;
    this.ids = ids;
    this.#held = held;
  }

  /** `except`: the children that stay, with theirs. `conflict` when one of them is being rolled back itself. */
  static async of(parts: Parts, run: Run, except: ReadonlySet<string>): Promise<HeldDescendants> {
    const ids: string[] = [];
    const held: { run: Run; hold: Hold }[] = [];
    const waiting = [run.id];
    try {
      for (let parentId = waiting.shift(); parentId !== undefined; parentId = waiting.shift()) {
        for (const child of await childrenOf(parts.store, run.tenantId, parentId)) {
          if (except.has(child.id)) continue;
          // Before its own children are looked for: from then on it starts none.
          if (isUnfinished(child)) held.push({ run: child, hold: await parts.runner.hold(child) });
          ids.push(child.id);
          waiting.push(child.id);
        }
      }
    } catch (error) {
      await new HeldDescendants(parts, ids, held).release();
      throw error;
    }
    return new HeldDescendants(parts, ids, held);
  }

  /** Asks for their end, on disk when it resolves. They find it when they are let go. */
  async cancel(): Promise<void> {
    const { store, clock } = this.#parts;
    const text = canonicalJson({ signal: "$cancel", payload: REASON });
    for (const { run } of this.#held) {
      const stored = await this.#read(run);
      if (stored === undefined || !isUnfinished(stored.run)) continue;
      const place = { ts: clock.nowMs(), type: "signal.received", step: null, attempt: null } as const;
      await store.runs.append(run.id, stored.head, [seal(run.id, stored.head, place, text)], {});
    }
  }

  /** Lets them go on. */
  async release(): Promise<void> {
    for (const { run, hold } of this.#held) {
      const stored = await this.#read(run);
      if (stored !== undefined && isUnfinished(stored.run)) {
        hold.giveBack(stored);
        this.#parts.runner.expedite(run.id);
      } else hold[Symbol.dispose]();
    }
  }

  #read({ tenantId, id }: Run): Promise<StoredRun | undefined> {
    return this.#parts.store.runs.get(tenantId, id);
  }
}

async function childrenOf(store: Store, tenantId: string, parentId: string): Promise<readonly Run[]> {
  const children: Run[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.runs.list(tenantId, { parentId, limit: PAGE, ...(cursor !== undefined && { cursor }) });
    children.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return children;
}
