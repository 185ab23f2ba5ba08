import type { Channel } from "./channel.ts";

/** Milliseconds of CPU that may be used ahead of the share. */
const BURST_MS = 20;
const LONGEST_SLEEP_MS = 100;

/** Holds an execution to a share of one CPU by sleeping whenever it is ahead. */
export class Throttle {
  /** 1 or more: no limit. */
  share = 1;
  #start: NodeJS.CpuUsage | undefined;
  #startMs = 0;

  begin(): void {
    this.#start = this.share < 1 ? process.threadCpuUsage() : undefined;
    this.#startMs = performance.now();
  }

  /** Called every few hundred microseconds of running code. */
  tick(channel: Channel): void {
    if (!this.#start) return;
    const used = process.threadCpuUsage(this.#start);
    const usedMs = (used.user + used.system) / 1000;
    const ahead = (usedMs - BURST_MS) / this.share - (performance.now() - this.#startMs);
    if (ahead > 1) channel.sleep(Math.min(ahead, LONGEST_SLEEP_MS));
  }
}
