import type { Pool, PoolChange } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { type Format, formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { flagsOf, integer } from "./options.ts";

export function addPool(program: Command): void {
  const pool = program.command("pool").description("Pools: sandboxes that are ready before a session asks");
  addRead(pool);
  addSet(pool);
  pool
    .command("drain <template>")
    .description("Destroy what is ready; it is filled anew")
    .action(async (template: string, _options, command: Command) => {
      const flags = flagsOf(command);
      show(await (await openClient(flags)).pools.drain(template), formatFor(flags));
    });
}

function addRead(pool: Command): void {
  pool
    .command("list")
    .description("List the templates that have a pool")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const { items } = await (await openClient(flags)).pools.list();
      const format = formatFor(flags);
      if (format === "json") return printJson(items);
      await printTable<Pool>(
        items,
        [
          { title: "TEMPLATE", value: ({ template }) => template },
          { title: "ISOLATION", value: ({ isolation }) => isolation },
          { title: "STATE", value: stateText },
          { title: "READY", value: ({ ready, target }) => `${ready} of ${target}` },
          { title: "SIZE", value: ({ size }) => `${size.min} to ${size.max}` },
          { title: "HITS", value: ({ hits }) => String(hits) },
          { title: "MISSES", value: ({ misses }) => String(misses.total) },
          { title: "TAKEN IN", value: ({ takeMs }) => `${takeMs.p50} ms` },
        ],
        { format, empty: "no pools: `glovebox pool set TEMPLATE --min 1 --max 4` makes one" },
      );
    });
  pool
    .command("show <template>")
    .description("Show a template's pool, and what it did since the server started")
    .action(async (template: string, _options, command: Command) => {
      const flags = flagsOf(command);
      show(await (await openClient(flags)).pools.show(template), formatFor(flags));
    });
}

function addSet(pool: Command): void {
  pool
    .command("set <template>")
    .description("Change the size of a template's pool, from now on and over restarts")
    .option("--min <n>", "sandboxes that are ready at any time", integer(0, 1000))
    .option("--max <n>", "the most that are ready, where many are asked for; 0 ends the pool", integer(0, 1000))
    .option("--refill <n>", "sandboxes that are made at the same time", integer(1, 64))
    .option("--reset", "what the template and the configuration say counts again")
    .action(async (template: string, _options, command: Command) => {
      const flags = flagsOf<{ min?: number; max?: number; refill?: number; reset?: boolean }>(command);
      const changed = await (await openClient(flags)).pools.set(template, changeOf(flags));
      show(changed, formatFor(flags));
    });
}

function changeOf(flags: {
  readonly min?: number;
  readonly max?: number;
  readonly refill?: number;
  readonly reset?: boolean;
}): PoolChange {
  const { min, max, refill, reset } = flags;
  const sized = [min, max, refill].some((given) => given !== undefined);
  if (sized === (reset === true)) throw new UsageError("nothing to set", "--min, --max and --refill, or --reset");
  if (reset === true) return { reset };
  return { min, max, refillConcurrency: refill };
}

function stateText({ state, reason, error }: Pool): string {
  const why = reason ?? error?.message;
  return why === undefined ? state : `${state}: ${why}`;
}

function show(pool: Pool, format: Format): void {
  if (format === "json") {
    printJson(pool);
    return;
  }
  const { size, misses } = pool;
  const times = ({ p50, p95, count }: Pool["takeMs"]) =>
    count === 0 ? undefined : `p50 ${p50} ms, p95 ${p95} ms, of ${count}`;
  printRecord(
    [
      ["template", `${pool.template} (version ${pool.templateVersion}, ${pool.isolation})`],
      ["state", stateText(pool)],
      ["next try", pool.error?.retryAt],
      ["size", `${size.min} to ${size.max}, ${size.refillConcurrency} made at a time (${pool.source})`],
      ["ready", `${pool.ready} of ${pool.target}, ${pool.making} being made`],
      ["hits", pool.hits],
      [
        "misses",
        [misses.total, ...Object.entries(misses.byReason).map(([why, count]) => `${count} ${why}`)].join(", "),
      ],
      ["taken in", times(pool.takeMs)],
      ["made in", times(pool.refillMs)],
      ["made", `${pool.made}, ${pool.failed} could not be`],
      ["unused", `${pool.dead} dead, ${pool.dropped} destroyed`],
    ],
    format,
  );
}
