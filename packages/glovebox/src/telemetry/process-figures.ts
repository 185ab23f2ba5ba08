import { freemem, totalmem } from "node:os";
import type { Counter, Gauge, Registry } from "prom-client";

interface Kinds {
  readonly Counter: typeof Counter;
  readonly Gauge: typeof Gauge;
}

/** Of the server's process and its host, under the names that dashboards know. Looked at when somebody asks; nothing is watched in between. */
export function addProcess({ Counter, Gauge }: Kinds, registers: Registry[]): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge("process_resident_memory_bytes", "Memory of the server process", () => process.memoryUsage.rss());
  gauge("process_start_time_seconds", "When the server process started, since the epoch", () => startedSeconds);
  gauge("glovebox_host_memory_free_bytes", "Memory of the host that is free", freemem);
  gauge("glovebox_host_memory_total_bytes", "Memory of the host", totalmem);
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the server process",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1_000_000);
    },
  });
}

const startedSeconds = Math.round(performance.timeOrigin / 1000);
