import type { Page } from "@glovebox/sdk";
import type { Command } from "commander";
import { type Column, type Format, printJson, printTable } from "../render/print.ts";
import { integer } from "./options.ts";

export interface PagingFlags {
  readonly limit?: number;
  readonly cursor?: string;
  readonly all?: boolean;
}

export function addPaging(command: Command): Command {
  return command
    .option("--limit <n>", "items of one page (default 50)", integer(1, 1000))
    .option("--cursor <cursor>", "go on where the page before ended")
    .option("--all", "every page");
}

/** Shows one page, or all of them. */
export async function printPages<T>(
  flags: PagingFlags,
  read: (request: { readonly limit?: number; readonly cursor?: string }) => Promise<Page<T>>,
  options: { readonly format: Format; readonly columns: readonly Column<T>[]; readonly empty: string },
): Promise<void> {
  const limit = flags.limit ?? (flags.all === true ? 1000 : undefined);
  let page = await read({
    ...(limit !== undefined && { limit }),
    ...(flags.cursor !== undefined && { cursor: flags.cursor }),
  });
  const items = [...page.items];
  while (flags.all === true && page.nextCursor !== undefined) {
    page = await read({ ...(limit !== undefined && { limit }), cursor: page.nextCursor });
    items.push(...page.items);
  }
  if (options.format === "json") {
    printJson({ items, ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }) });
    return;
  }
  await printTable(items, options.columns, options);
  if (page.nextCursor !== undefined && process.stderr.isTTY === true) {
    process.stderr.write(`there are more: --all, or --cursor ${page.nextCursor}\n`);
  }
}
