import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answerWith, eventsUntil, useChat } from "../support/chat.ts";

const KEY = `sk-proj-${"Ab3dEf6hIj9kLm2nOp5q".repeat(2)}`;
const ADDRESS = "ada.lovelace@analytical.example";

/** Printed in one piece, but nowhere in the code: what is masked in the code does not print it. */
const inPieces = (text: string) => JSON.stringify(text.match(/.{1,5}/g));
const CODE = `print("key " + "".join(${inPieces(KEY)}))
print("mail " + "".join(${inPieces(ADDRESS)}))`;

const stage = useChat({
  config: "redaction: {profile: strict}\n",
  assistants: { quiet: { execution: { enabled: true }, hooks: [{ builtin: "output-sanitiser" }] } },
});

test("flow 4: printed keys and addresses reach neither answer, events, log, journal nor disk", async () => {
  stage.model.reply({ text: answerWith(CODE) });
  const input = { assistant: "quiet", messages: [{ role: "user", text: "Run it." }] } as const;
  const events = await eventsUntil(stage.box.chat.stream(input), "completed");
  const last = events.at(-1);
  if (last?.type !== "completed") throw new Error("it ends with its result");
  const { result } = last;
  // It ran, and the rest of what it printed is there.
  expect(result.executions).toMatchObject([{ status: "ok" }]);
  expect(result.executions[0]?.stdout).toMatch(/^key .*\nmail .*\n$/);
  const [execution] = result.executions;
  const journal = await new Response(await stage.box.runs.export(result.runId)).text();
  const places: Record<string, string> = {
    answer: JSON.stringify(result),
    "the turn's events": JSON.stringify(events),
    journal,
    "the execution's events": JSON.stringify(await stage.box.executions.events(execution?.id ?? "")),
    conversation: JSON.stringify(await stage.box.conversations.get(result.conversationId)),
    log: stage.server.log(),
  };
  // The model is told in the next turn what came out.
  stage.model.reply({ text: "Thank you." });
  await stage.say("quiet", "What did it print?", result.conversationId);
  places["what the model is asked"] = JSON.stringify(stage.model.asked.at(-1)?.body);
  for (const [place, text] of Object.entries(places)) {
    expect(text.includes(KEY), `the key is in ${place}`).toBe(false);
    expect(text.includes(ADDRESS), `the address is in ${place}`).toBe(false);
  }
  expect(places["the execution's events"]).toContain("mail ");
  for (const [file, bytes] of await filesOf(join(stage.folder, "data"))) {
    expect(bytes.includes(KEY), `the key is in ${file}`).toBe(false);
    expect(bytes.includes(ADDRESS), `the address is in ${file}`).toBe(false);
  }
});

/** The store and the event files: what sandboxes keep in their workspaces is theirs. */
async function filesOf(folder: string): Promise<(readonly [string, Buffer])[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const read = await Promise.all(
    files.map(async (file) => [file, await readFile(file).catch(() => Buffer.alloc(0))] as const),
  );
  expect(read.some(([file]) => file.includes("events"))).toBe(true);
  return read;
}
