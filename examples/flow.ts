/** A flow in TypeScript: looks at a repository from two sides at once, and says what both found. */
import { concatenation, defineFlow, parallel } from "glovebox/flows";
import { z } from "zod";

export default defineFlow({
  name: "two-looks",
  version: "1",
  description: "Runs the tests and the static analysis side by side, and tells both",
  repository: true,
  input: z.strictObject({ severity: z.enum(["info", "warn", "error"]).default("warn") }),
  plan: [
    {
      id: "looks",
      kind: "parallel",
      note: "concatenation",
      steps: [
        { id: "tests", kind: "agent", agent: "test_exec" },
        { id: "analysis", kind: "agent", agent: "static_analysis" },
      ],
    },
  ],
  async run(flow, { severity }) {
    const look = (agent: string, payload: Readonly<Record<string, unknown>>) => async (context: typeof flow.run) => {
      const { delta } = await flow.within(context).agent({ id: agent, agent, payload });
      return delta.kind === "summary" ? delta.text : "";
    };
    const both = { tests: look("test_exec", {}), analysis: look("static_analysis", { severity }) };
    const text = await parallel(flow.run, null, both, concatenation(String), { name: "looks" });
    await flow.report({ id: "looks", status: "done", summary: "both looks are told" });
    return { status: "completed", output: { text } };
  },
});
