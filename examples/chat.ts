/** A chat with the assistant `demo`, whose answers come from a script and whose code really runs. */
import { Glovebox } from "@glovebox/sdk";

const box = await Glovebox.connect(); // GLOVEBOX_URL and GLOVEBOX_TOKEN
const said = { assistant: "demo", messages: [{ role: "user", text: "Compute a factorial, please." }] } as const;
const first = await box.chat(said);
console.log(first.blocks[0]?.decision, first.executions[0]?.stdout.trim()); // executed 3628800

const { conversationId } = first;
const again = { ...said, messages: [{ role: "user", text: "Double it again." }], conversationId } as const;
for await (const event of box.chat.stream(again)) {
  if (event.type === "approval") await box.approvals.decide(event.approval.id, "refuse", { reason: "nobody is here" });
  if (event.type === "output") console.log(event.text.trim()); // 7257600
  if (event.type === "completed") console.log(event.result.status); // completed
}
await box.conversations.delete(conversationId);
