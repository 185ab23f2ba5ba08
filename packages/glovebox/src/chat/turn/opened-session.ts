import type { SessionOrigin } from "../conversations/conversation-session.ts";
import type { Note } from "../hooks/hook.ts";
import { findSession, type TurnScope } from "./turn-scope.ts";

const NOTES: Readonly<Record<SessionOrigin, readonly Note[]>> = {
  known: [],
  first: [],
  restored: [
    {
      code: "session.restored",
      message: "the conversation's session was over: this one has its files from a snapshot, and no variables",
    },
  ],
  lost: [
    { code: "session.lost", message: "the conversation's session was over: this one has nothing of what was in it" },
  ],
};

/** Opens the conversation's session, once a turn, and says what of the last one is not there any more. */
export async function openedSession(scope: TurnScope): Promise<readonly Note[]> {
  const { context, record, budget } = scope;
  if (record.hasSession) return [];
  const work = async (_given: unknown, step: Parameters<TurnScope["session"]>[0]) => findSession(scope, step);
  const { origin } = await context.step("session", {}, work, await budget.time());
  record.hasSession = true;
  return NOTES[origin];
}
