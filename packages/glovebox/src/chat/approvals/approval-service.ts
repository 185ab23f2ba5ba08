import { type Approval, GloveboxError, isGloveboxError, toTimestamp } from "../../core/index.ts";
import type { ApprovalService } from "../services.ts";
import { hasEnded, type RunParts, releaseTurn } from "../turn/run-of-turn.ts";
import { approvalSignal, expiry } from "./ask-person.ts";

type Decision = Parameters<ApprovalService["decide"]>[2];

export class Approvals implements ApprovalService {
  readonly #parts: RunParts;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  async list(tenantId: string, page?: Parameters<ApprovalService["list"]>[1]): ReturnType<ApprovalService["list"]> {
    const found = await this.#parts.store.approvals.list(tenantId, page);
    const items = await Promise.all(found.items.map((approval) => this.#current(approval)));
    const { status } = page ?? {};
    return { ...found, items: status === undefined ? items : items.filter((approval) => approval.status === status) };
  }

  async get(tenantId: string, id: string): Promise<Approval> {
    const found = await this.#parts.store.approvals.get(tenantId, id);
    if (found === undefined) throw new GloveboxError("not_found", `no approval ${id}`);
    return this.#current(found);
  }

  async decide(tenantId: string, id: string, { decision, reason, by }: Decision): Promise<Approval> {
    const { store, clock, redactor } = this.#parts;
    const wanted = decision === "approve" ? "approved" : "refused";
    const approval = await this.get(tenantId, id);
    if (approval.status === "pending") {
      const said = reason === undefined ? {} : { reason: redactor.redact(reason) };
      await store.approvals.decide(tenantId, id, { status: wanted, at: toTimestamp(clock.nowMs()), by, ...said });
    }
    const now = await this.get(tenantId, id);
    if (now.status !== wanted) {
      throw new GloveboxError("conflict", `the approval is ${now.status} already`, { details: { status: now.status } });
    }
    // Also when it was decided before: the server may have ended before it told the run.
    await this.tell(now);
    return now;
  }

  /** Tells the run that waits for it. One that has ended needs nothing. */
  async tell({ tenantId, runId, id }: Approval): Promise<void> {
    try {
      await this.#parts.engine.signal(tenantId, runId, approvalSignal(id));
    } catch (error) {
      if (!isGloveboxError(error, "conflict") && !isGloveboxError(error, "not_found")) throw error;
    }
  }

  /** An approval as it is now: past its time it has expired, and when its turn has ended it is withdrawn, whoever did not get round to say so. */
  async #current(approval: Approval): Promise<Approval> {
    const { store, clock, engine } = this.#parts;
    const { tenantId, id, runId, status, expiresAt } = approval;
    if (status !== "pending") return approval;
    const nowMs = clock.nowMs();
    const run = await engine.get(tenantId, runId).catch(() => undefined);
    if (run !== undefined && hasEnded(run)) await releaseTurn(this.#parts, run);
    else if (nowMs >= Date.parse(expiresAt)) await store.approvals.decide(tenantId, id, expiry(nowMs));
    else return approval;
    return (await store.approvals.get(tenantId, id)) ?? approval;
  }
}
