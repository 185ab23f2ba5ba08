/** A flow without a repository that asks a person, for tests of those who start and answer flows. */
import { defineFlow } from "glovebox/flows";
import { z } from "zod";

export default defineFlow({
  name: "asking",
  version: "1",
  description: "Asks what it is started to ask, and gives the answer",
  repository: false,
  input: z.strictObject({ question: z.string() }),
  plan: [{ id: "question", kind: "ask" }],
  async run(flow, { question }) {
    const { answer = "" } = await flow.ask({ id: "question", kind: "ask", text: question });
    return { status: "completed", output: { answer } };
  },
});
