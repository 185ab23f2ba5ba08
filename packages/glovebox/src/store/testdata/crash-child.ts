/** Writes as fast as it can and says on stdout what was acknowledged, until it is killed or a write fails. */
import { writeSync } from "node:fs";
import { aSession, anExecution, aStream, INTERNALS, lines, TENANT } from "../../../../../conformance/stores/entities.ts";
import { isGloveboxError } from "../../core/index.ts";
import { openSqliteStore } from "../index.ts";

const [dataDir = "", writers = "4"] = process.argv.slice(2);
const store = await openSqliteStore({ dataDir });
const session = aSession();
await store.sessions.create(session, INTERNALS);
let going = true;

function say(line: Record<string, unknown>): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function write(): Promise<void> {
  const text = "x".repeat(1000);
  while (going) {
    const execution = anExecution(session.id);
    await store.executions.create(execution);
    say({ created: execution.id });
    const stream = aStream({ id: execution.id });
    for (let i = 0; i < 5; i += 1) {
      const { lastSeq } = await store.events.append(stream, lines(text, text, text), { upTo: (i + 1) * 3 });
      say({ stream: stream.id, lastSeq });
    }
    await store.executions.update(TENANT, execution.id, { status: "ok" });
    say({ finished: execution.id });
  }
}

try {
  await Promise.all(Array.from({ length: Number(writers) }, write));
} catch (error) {
  going = false;
  const known = isGloveboxError(error) ? error.toBody() : { code: "other", message: String(error) };
  // Reading must go on whatever the disk does.
  const readable = (await store.executions.list(TENANT, { limit: 1 })).items.length;
  say({ failed: known.code, message: known.message, readable });
}
await store[Symbol.asyncDispose]();
