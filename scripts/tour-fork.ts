import type { Glovebox } from "@glovebox/sdk";
import { expect, type Stop } from "./tour-stops.ts";

const COPIES = 10;
/** The strongest wall first. */
const STRONGEST = ["firecracker", "microvm", "gvisor"] as const;

/** Where copies have memory, too; or why nowhere here. */
async function isolationThatForks(box: Glovebox): Promise<(typeof STRONGEST)[number] | string[]> {
  const { isolations } = await box.doctor();
  const reasons: string[] = [];
  for (const name of STRONGEST) {
    const found = isolations.find((isolation) => isolation.name === name);
    if (found?.capabilities?.fork === "memory") return name;
    if (found !== undefined) reasons.push(`${name}: ${found.reason ?? "it copies files alone"}`);
  }
  return reasons;
}

/** One variable, ten live copies, each going its own way. */
export const fork: Stop = {
  title: `one Python session, ${COPIES} live copies of it`,
  async show(box) {
    const isolation = await isolationThatForks(box);
    if (typeof isolation !== "string") {
      return { text: `no isolation here copies memory: ${isolation.join("; ")}`, skipped: true };
    }
    await using session = await box.sessions.create({ isolation, languages: ["python"], forkable: true });
    await session.run("import random\nway = [42]");
    const begun = performance.now();
    const { sessions, path, silentMs } = await session.fork({ count: COPIES });
    const forkedMs = performance.now() - begun;
    await using copies = new AsyncDisposableStack();
    for (const copy of sessions) copies.use(copy);
    const answers = await Promise.all(
      sessions.map((copy, index) => copy.run(`way.append(${index})\nway + [random.random()]`, { stdin: "" })),
    );
    const answeredMs = performance.now() - begun;
    const ways = answers.map(({ value }) => value?.json as number[]);
    for (const [index, way] of ways.entries()) {
      const end = `${answers[index]?.execution.status} ${answers[index]?.exception?.message ?? ""}`;
      expect(way?.[0] === 42 && way[1] === index, `copy ${index} went ${JSON.stringify(way)}: ${end}`);
    }
    expect(new Set(ways.map((way) => way[2])).size === COPIES, "two copies drew the same random number");
    const { value } = await session.run("way");
    expect(JSON.stringify(value?.json) === "[42]", `the parent has ${JSON.stringify(value)}`);
    const ms = (value: number) => `${Math.round(value)} ms`;
    const times = `made in ${ms(forkedMs)} (${path}), the parent stood still for ${ms(silentMs)}, all had answered after ${ms(answeredMs)}`;
    return { text: `${isolation}: way = [42] → [42, 0] … [42, ${COPIES - 1}]; ${times}` };
  },
};
