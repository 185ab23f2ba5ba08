import { expect, type Stop } from "./tour-stops.ts";

/** The built-in assistant answers by a script, so there is no model to reach; the code in its answers runs in the conversation's sandbox. */
export const chat: Stop = {
  title: "an answer's code runs, and the next turn knows its variables",
  async show(box) {
    const say = async (text: string, conversationId?: string) => {
      const turn = await box.chat({ assistant: "demo", messages: [{ role: "user", text }], conversationId });
      const [execution] = turn.executions;
      const got = `${turn.status}: ${JSON.stringify(turn.blocks)}`;
      expect(turn.executions.length === 1 && execution?.status === "ok", `one block runs, got ${got}`);
      return { id: turn.conversationId, stdout: execution?.stdout.trim() };
    };
    const first = await say("Compute a factorial, please.");
    try {
      const second = await say("Double it again.", first.id);
      const said = [first.stdout, second.stdout];
      expect(said.join() === "3628800,7257600", `got ${said.join(" and ")}`);
      return { text: said.join(", then ") };
    } finally {
      await box.conversations.delete(first.id);
    }
  },
};
