import { bareBubblewrapPython, startBareInterpreter } from "../floors.ts";
import type { Case } from "../harness.ts";
import { timeEach } from "../harness.ts";
import { createSession, deleteSession, openServer, runRepl } from "../server.ts";

/** Creating a session and running the first `print(1)` in it, over HTTP, with nothing pooled but waiting supervisors. */
export const firstPrint: Case = {
  name: "session.bubblewrap.first-print",
  unit: "ms",
  target: { better: "lower", p50: 30 },
  async run() {
    await using bench = await openServer();
    const { client } = bench;
    const floor: number[] = [];
    const samples: number[] = [];
    for (let i = -5; i < 60; i += 1) {
      const start = performance.now();
      const id = await createSession(client, { isolation: "bubblewrap", template: "python" });
      await runRepl(client, id, "python", "print(1)");
      if (i >= 0) samples.push(performance.now() - start);
      await deleteSession(client, id);
      // Time for the waiting supervisors to be refilled, as between the requests of a real user.
      await new Promise((done) => setTimeout(done, 40));
      if (i >= 0) floor.push(...(await timeEach(1, 0, bareBubblewrapPython)));
    }
    return { samples, floor: { name: "bare bwrap + python", samples: floor } };
  },
};

/** One REPL input on a warm session, over one kept-alive connection. */
export const roundTrip: Case = {
  name: "session.repl.round-trip",
  unit: "ms",
  target: { better: "lower", p50: 1.5, p99: 5 },
  async run() {
    await using bench = await openServer();
    const { client } = bench;
    const id = await createSession(client, { template: "python" });
    const samples = await timeEach(1000, 100, async () => void (await runRepl(client, id, "python", "x = 1")));
    const bare = startBareInterpreter();
    const floor = await timeEach(1000, 100, async () => {
      await client.send("GET", "/v1/health");
      await bare.roundTrip();
    });
    bare.close();
    return { samples, floor: { name: "bare interpreter over pipes + GET /v1/health", samples: floor } };
  },
};

/**
 * `isolate`: creating a session and getting the first value, over HTTP, workers warm. Beyond `library.isolate.first-value` it
 * holds two HTTP requests and four waits for the disk.
 */
export const isolateFirstValue: Case = {
  name: "session.isolate.first-value",
  unit: "ms",
  async run() {
    await using bench = await openServer();
    const { client } = bench;
    const samples: number[] = [];
    for (let i = -5; i < 60; i += 1) {
      const start = performance.now();
      const id = await createSession(client, { template: "js-isolate" });
      await runRepl(client, id, "javascript", "20+22");
      if (i >= 0) samples.push(performance.now() - start);
      await deleteSession(client, id);
      await new Promise((done) => setTimeout(done, 120));
    }
    return { samples, floor: { name: "QuickJS instance + context", samples: await bareQuickJs() } };
  },
};

export async function bareQuickJs(): Promise<number[]> {
  const { newQuickJSWASMModule } = await import("quickjs-emscripten");
  return timeEach(60, 5, async () => {
    const context = (await newQuickJSWASMModule()).newContext();
    context.unwrapResult(context.evalCode("20+22")).dispose();
    context.dispose();
  });
}
