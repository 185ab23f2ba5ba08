import { GloveboxError } from "../core/index.ts";

/** The most that one answer of a server may have, bytes. */
const MAX_BYTES = 32 * 1_048_576;

/**
 * A `fetch` for servers that nobody answers for: it follows no redirect (a key would go along), and ends with `timeout` when no byte came for `idleMs`, with
 * `model_unavailable` when the answer does not end. Time that passes while nobody reads does not count. It ends with `until`, too: not every library passes a signal on.
 */
export function boundedFetch(idleMs: number, until: AbortSignal | undefined): typeof fetch {
  return async (input, init) => {
    const idle = new AbortController();
    const watch = watchFor(idleMs, () => idle.abort(new GloveboxError("timeout", `no answer within ${idleMs} ms`)));
    const signals = [idle.signal, init?.signal, until].filter((signal) => signal instanceof AbortSignal);
    watch.start();
    try {
      const response = await fetch(input, { ...init, signal: AbortSignal.any(signals), redirect: "error" });
      watch.stop();
      if (response.body === null) return response;
      const { status, statusText, headers } = response;
      return new Response(bounded(response.body, watch), { status, statusText, headers });
    } catch (error) {
      watch.stop();
      throw idle.signal.aborted ? idle.signal.reason : error;
    }
  };
}

interface Watch {
  start(): void;
  stop(): void;
}

function watchFor(ms: number, late: () => void): Watch {
  let timer: NodeJS.Timeout | undefined;
  return {
    start: () => {
      clearTimeout(timer);
      timer = setTimeout(late, ms);
    },
    stop: () => clearTimeout(timer),
  };
}

function bounded(body: ReadableStream<Uint8Array>, watch: Watch): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        watch.start();
        try {
          const { done, value } = await reader.read();
          watch.stop();
          if (done) return controller.close();
          bytes += value.byteLength;
          if (bytes > MAX_BYTES) throw new GloveboxError("model_unavailable", "the answer does not end");
          controller.enqueue(value);
        } catch (error) {
          watch.stop();
          controller.error(error);
          await reader.cancel(error).catch(() => {});
        }
      },
      async cancel(reason) {
        watch.stop();
        await reader.cancel(reason).catch(() => {});
      },
    },
    // Asked for only when somebody reads: the watch would count a slow reader's time otherwise.
    { highWaterMark: 0 },
  );
}
