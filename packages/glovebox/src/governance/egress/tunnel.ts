import type { Socket } from "node:net";
import { pipeline, type Transform } from "node:stream";
import type { GateContext, Inbound } from "./gate-context.ts";
import type { Host } from "./host.ts";
import { elsewhere } from "./outgoing.ts";
import type { Subject } from "./recorder.ts";
import { ForbiddenBytes, ReplaceStream } from "./replacer.ts";
import { checkServerName, type Opening, readOpening } from "./server-name.ts";

export interface TunnelTarget {
  readonly host: Host;
  readonly port: number;
  readonly subject: Subject;
  /** Why it may be connected to. */
  readonly reason: string;
}

/**
 * Carries bytes between the sandbox and `upstream`, which it owns. TLS must name the host. What is not TLS passes only where the rules allow it, and is searched for
 * placeholders; there the server may speak first. Throws {@link Refusal} before anything of the client left.
 */
export async function carry(
  gate: GateContext,
  { stream }: Inbound,
  upstream: Socket,
  target: TunnelTarget,
): Promise<void> {
  const { host, port, subject, reason } = target;
  const raw = gate.rules.allowsRawTunnel(host, port);
  if (stream.destroyed || upstream.destroyed) {
    stream.destroy();
    upstream.destroy();
    return;
  }
  // Attached first: whatever fails below, neither end outlives the other.
  stream.once("close", () => upstream.destroy());
  upstream.once("close", () => {
    if (!upstream.readableEnded) stream.destroy();
  });
  if (raw) {
    gate.recorder.allow(subject, reason);
    pipeline(upstream, stream, () => {});
  }
  const opening = await readOpening(stream, raw ? gate.timings.silenceMs : gate.timings.headMs);
  if (stream.destroyed) return;
  if (!raw || opening?.kind === "hello" || opening?.kind === "invalid") checkServerName(opening, host);
  if (!raw) {
    gate.recorder.allow(subject, reason);
    pipeline(upstream, stream, () => {});
  }
  if (stream.readableEnded) {
    upstream.end(); // the client had nothing to say; a pipeline would wait for an end that has been
    return;
  }
  const through = searched(gate, opening, host, port);
  pipeline([stream, ...through, upstream], (error) => {
    if (!(error instanceof ForbiddenBytes)) return;
    gate.recorder.refuse(subject, elsewhere());
    stream.destroy();
  });
}

/** In TLS there is nothing to be read; in the clear no placeholder may leave. */
function searched(gate: GateContext, opening: Opening | undefined, host: Host, port: number): Transform[] {
  const forbidden = gate.book.at(host, port, false).forbidden;
  return opening?.kind === "hello" || forbidden === undefined ? [] : [new ReplaceStream(forbidden)];
}
