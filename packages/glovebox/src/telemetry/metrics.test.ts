import { expect, test } from "vitest";
import { createMetrics } from "./index.ts";

test("what is told before anybody looks is there, in seconds, with its labels", async () => {
  const metrics = createMetrics();
  for (const ms of [2, 30, 700]) metrics.timed("pool.take", ms, { isolation: "bubblewrap" });
  metrics.counted("pool.miss", { isolation: "microvm", reason: "empty" });
  const { body, contentType } = await metrics.text();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = body.split("\n");
  expect(lines).toContain('glovebox_pool_take_duration_seconds_bucket{le="0.0025",isolation="bubblewrap"} 1');
  expect(lines).toContain('glovebox_pool_take_duration_seconds_bucket{le="0.05",isolation="bubblewrap"} 2');
  expect(lines).toContain('glovebox_pool_take_duration_seconds_count{isolation="bubblewrap"} 3');
  expect(lines).toContain('glovebox_pool_misses_total{isolation="microvm",reason="empty"} 1');
  metrics.counted("pool.miss", { isolation: "microvm", reason: "empty" });
  expect((await metrics.text()).body).toContain('reason="empty"} 2');
});

test("what is watched is asked for each look, and what is gone is gone", async () => {
  const metrics = createMetrics();
  let ready = new Map([["bubblewrap", 2]]);
  metrics.watch("pool.ready", () =>
    [...ready].map(([isolation, value]) => ({ value, labels: { isolation: isolation as "bubblewrap" } })),
  );
  const seen = async () => (await metrics.text()).body.match(/^glovebox_pool_ready\{.*$/gm);
  expect(await seen()).toEqual(['glovebox_pool_ready{isolation="bubblewrap"} 2']);
  ready = new Map([["isolate", 1]]);
  expect(await seen()).toEqual(['glovebox_pool_ready{isolation="isolate"} 1']);
});

test("two servers of one process have figures of their own", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.counted("error", { code: "conflict" });
  expect((await one.text()).body).toContain('glovebox_errors_total{code="conflict"} 1');
  expect((await other.text()).body).not.toContain("conflict");
});

test("label sets are bounded, whatever comes", async () => {
  const metrics = createMetrics();
  for (let at = 0; at < 5_000; at += 1) metrics.timed("http.request", 1, { operation: `x${at}`, status: "2xx" });
  const { body } = await metrics.text();
  expect(body.match(/^glovebox_http_request_duration_seconds_count/gm)).toHaveLength(1_001);
  expect(body).toContain('glovebox_http_request_duration_seconds_count{operation="other",status="other"} 4000');
});
