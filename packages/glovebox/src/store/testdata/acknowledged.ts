import { expect } from "vitest";
import { aStream, TENANT } from "../../../../../conformance/stores/entities.ts";
import type { Store } from "../index.ts";

/** What `crash-child.ts` said; a last line that was cut is left out. */
export interface Said {
  readonly created?: string;
  readonly finished?: string;
  readonly stream?: string;
  readonly lastSeq?: number;
  readonly failed?: string;
  readonly message?: string;
  readonly readable?: number;
}

export function parseSaid(output: string): Said[] {
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Said);
}

/** Checks that everything acknowledged is there, whole, and that no stream has a gap or a state that does not fit. */
export async function expectAcknowledged(store: Store, said: readonly Said[]): Promise<void> {
  for (const { created, finished, stream, lastSeq = 0 } of said) {
    if (created !== undefined) expect(await store.executions.get(TENANT, created)).toBeDefined();
    if (finished !== undefined) expect((await store.executions.get(TENANT, finished))?.status).toBe("ok");
    if (stream === undefined) continue;
    const ref = aStream({ id: stream });
    const events = await store.events.read(ref);
    expect(events.length).toBeGreaterThanOrEqual(lastSeq);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    expect(await store.events.state(ref)).toEqual({ state: { upTo: events.length }, lastSeq: events.length });
  }
}
