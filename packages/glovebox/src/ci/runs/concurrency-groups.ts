import { GloveboxError } from "../../core/index.ts";
import type { CiGroupMember, CiRunStore } from "../../store/index.ts";
import { RUN_KEY } from "./run-input.ts";

/** Who enters a group: a whole run ({@link RUN_KEY}) or one of its jobs. */
export type GroupEntrant = Pick<CiGroupMember, "tenantId" | "runId" | "jobKey">;

export interface GroupSignals {
  /** It may go on: the one before it has left. */
  go(member: GroupEntrant, group: string): Promise<void>;
  /** It is to end, because another one takes its place. */
  end(member: GroupEntrant, group: string): Promise<void>;
  /** Whether the run still goes on. */
  isLive(member: GroupEntrant): Promise<boolean>;
}

/**
 * Concurrency groups: one at work, one that waits; a third takes the place of the one that waits, and with `cancel-in-progress` that of the one at work too.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#concurrency
 */
export class ConcurrencyGroups {
  readonly #store: CiRunStore;
  readonly #signals: GroupSignals;
  /** One change of a group at a time. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(store: CiRunStore, signals: GroupSignals) {
    this.#store = store;
    this.#signals = signals;
  }

  /** `pending`: it must wait until it is told to go. Entering again says how it stands. `conflict` for a job whose run has the group: they would wait for each other. */
  enter(who: GroupEntrant, group: string, cancelInProgress: boolean): Promise<"running" | "pending"> {
    return this.#alone(who.tenantId, group, async () => {
      const members = await this.#living(who.tenantId, group);
      const mine = members.find((member) => isSame(member, who));
      if (mine !== undefined) return mine.state;
      const running = members.filter(({ state }) => state === "running");
      if (running.some(({ runId, jobKey }) => runId === who.runId && jobKey === RUN_KEY)) throw deadlock(group);
      if (running.length === 0) {
        await this.#store.changeGroup(who.tenantId, group, { put: [{ ...who, state: "running" }] });
        return "running";
      }
      const replaced = members.filter(({ state }) => state === "pending");
      await this.#store.changeGroup(who.tenantId, group, { put: [{ ...who, state: "pending" }], remove: replaced });
      const ended = cancelInProgress ? [...replaced, ...running] : replaced;
      await Promise.all(ended.map((member) => this.#signals.end(member, group)));
      return "pending";
    });
  }

  /** Lets the next one go on. Leaving twice is once. */
  leave(who: GroupEntrant, group: string): Promise<void> {
    return this.#alone(who.tenantId, group, async () => {
      await this.#store.changeGroup(who.tenantId, group, { remove: [{ ...who, state: "running" }] });
      await this.#promote(who.tenantId, group);
    });
  }

  /** Whatever a run that has ended left behind. */
  async leaveAll(tenantId: string, runId: string): Promise<void> {
    for (const { group, jobKey } of await this.#store.groupsOf(tenantId, runId)) {
      await this.leave({ tenantId, runId, jobKey }, group);
    }
  }

  /** After a restart: groups whose members ended without having left. */
  async recover(): Promise<void> {
    for (const { tenantId, group } of await this.#store.groups()) {
      await this.#alone(tenantId, group, async () => {
        await this.#living(tenantId, group);
        await this.#promote(tenantId, group);
      });
    }
  }

  /** Without those whose run has ended. */
  async #living(tenantId: string, group: string): Promise<readonly CiGroupMember[]> {
    const members = await this.#store.group(tenantId, group);
    const live = await Promise.all(members.map((member) => this.#signals.isLive(member)));
    const remove = members.filter((_member, index) => live[index] !== true);
    if (remove.length > 0) await this.#store.changeGroup(tenantId, group, { remove });
    return members.filter((_member, index) => live[index] === true);
  }

  async #promote(tenantId: string, group: string): Promise<void> {
    const members = await this.#store.group(tenantId, group);
    if (members.some(({ state }) => state === "running")) return;
    const [next] = members;
    if (next === undefined) return;
    await this.#store.changeGroup(tenantId, group, { put: [{ ...next, state: "running" }] });
    await this.#signals.go(next, group);
  }

  async #alone<T>(tenantId: string, group: string, work: () => Promise<T>): Promise<T> {
    const id = JSON.stringify([tenantId, group]);
    const before = this.#turns.get(id) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    }
  }
}

function isSame(a: GroupEntrant, b: GroupEntrant): boolean {
  return a.runId === b.runId && a.jobKey === b.jobKey;
}

function deadlock(group: string): GloveboxError {
  return new GloveboxError("conflict", `the job waits for the concurrency group ${group}, which its own workflow has`);
}
