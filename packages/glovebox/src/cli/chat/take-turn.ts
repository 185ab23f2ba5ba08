import { type Approval, type ChatInput, type Glovebox, isGloveboxError, type Turn } from "@glovebox/sdk";
import type { TurnView } from "./turn-view.ts";

export interface TurnOptions {
  readonly view: TurnView;
  /** Aborting asks the turn to end; what it came to is shown all the same. */
  readonly signal: AbortSignal;
  /** Asks the person who is there; without it, somebody elsewhere is to answer. `undefined`: no answer. */
  readonly decide?: (approval: Approval, signal: AbortSignal) => Promise<"approve" | "refuse" | undefined>;
}

/** One turn, shown as it happens. Gives what it came to. */
export async function takeTurn(box: Glovebox, input: ChatInput, options: TurnOptions): Promise<Turn> {
  const { view, signal } = options;
  let question = new AbortController();
  let runId: string | undefined;
  const cancel = () => {
    if (runId === undefined) return;
    // It may have ended at this very moment.
    box.runs.cancel(runId, "cancelled at the terminal").catch(() => {});
  };
  signal.addEventListener("abort", cancel, { once: true });
  const asked = new Set<string>();
  try {
    for await (const event of box.chat.stream(input)) {
      // The turn goes on: whatever it asked has been answered, perhaps elsewhere.
      if (event.type !== "approval") question.abort();
      view.take(event);
      if (event.type === "started") {
        runId = event.runId;
        if (signal.aborted) cancel();
      } else if (event.type === "approval" && event.approval.status === "pending" && !asked.has(event.approval.id)) {
        asked.add(event.approval.id);
        question = new AbortController();
        // The stream is read meanwhile: the question may be answered elsewhere, or expire.
        void answer(box, event.approval, options, AbortSignal.any([signal, question.signal]));
      } else if (event.type === "completed") return event.result;
    }
  } finally {
    question.abort();
    signal.removeEventListener("abort", cancel);
  }
  throw new Error("the stream of the turn ended without its result");
}

async function answer(
  box: Glovebox,
  approval: Approval,
  { view, decide }: TurnOptions,
  signal: AbortSignal,
): Promise<void> {
  view.approval(approval);
  if (decide === undefined) {
    view.note(`waiting: glovebox approvals approve ${approval.id}, or refuse`);
    return;
  }
  const decision = await decide(approval, signal);
  if (decision === undefined) return;
  try {
    await box.approvals.decide(approval.id, decision);
  } catch (error) {
    view.note(isGloveboxError(error) ? error.message : String(error));
  }
}
