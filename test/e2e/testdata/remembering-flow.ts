/** A flow that works on a repository and writes down what it did: for the test that takes all of it back. */
import { defineFlow } from "glovebox/flows";
import { z } from "zod";

export default defineFlow({
  name: "remembering",
  version: "1",
  description: "Writes two modules, asks in between what the second one is called, and tells the context store",
  repository: true,
  input: z.strictObject({}),
  plan: [
    { id: "first", kind: "agent", agent: "codegen" },
    { id: "name", kind: "ask" },
    { id: "second", kind: "agent", agent: "codegen" },
  ],
  async run(flow) {
    const write = async (name: string) => {
      const file = { path: `${name}.py`, content: `"""${name}."""\n` };
      const { delta } = await flow.agent({ id: name, agent: "codegen", payload: { file } });
      if (delta.kind === "diff") await flow.apply(name, delta.diff);
      const texts = { "notes/last.md": `The last module is ${name}.\n`, [`notes/${name}.md`]: `Wrote ${name}.\n` };
      const documents = Object.entries(texts).map(([path, content]) => ({ kind: "text", path, content }) as const);
      await flow.documents.add(flow.run, `remember ${name}`, documents);
    };
    await write("first");
    const { answer = "second" } = await flow.ask({ id: "name", kind: "ask", text: "What is the second one called?" });
    await write(answer);
    await flow.ask({ id: "done", kind: "approve", text: "Is that all?" });
    return { status: "completed", output: { answer } };
  },
});
