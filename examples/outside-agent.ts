/**
 * An agent of your own, in any process that reaches the server: `node examples/outside-agent.ts counter`. It counts words, until Ctrl-C; then, elsewhere:
 * `glovebox agents run counter --payload '{"text": "to be or not to be"}'`. When it dies in a task, another agent that does the same gets it.
 */
import { Glovebox } from "@glovebox/sdk";

const box = await Glovebox.connect();
const ended = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ended.abort());

await box.agents.serve(
  {
    name: process.argv[2] ?? "counter",
    capabilities: ["x-count-words"],
    description: "Counts the words of a text",
  },
  async ({ id, payload }, { attempt }) => {
    console.log(`task ${id}, attempt ${attempt}`);
    await new Promise((resolve) => setTimeout(resolve, Number(payload.pauseMs ?? 0)));
    const words = String(payload.text).split(/\s+/).filter(Boolean).length;
    return {
      delta: { kind: "summary", text: `${words} words`, data: { words } },
      artifacts: [],
      newTasks: [],
    };
  },
  { signal: ended.signal, leaseMs: Number(process.env.LEASE_MS ?? 60_000) },
);
