import type { AuditRecord, AuditVerification } from "@glovebox/sdk";
import { type Command, InvalidArgumentError } from "commander";
import { type GlobalFlags, openClient } from "../connect.ts";
import { EXIT, ExitError } from "../failure.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { flagsOf, integer } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";

interface ListFlags extends PagingFlags {
  readonly principal?: string;
  readonly action?: string;
  readonly decision?: "allow" | "deny";
  readonly resource?: string;
  readonly resourceId?: string;
  readonly request?: string;
  readonly since?: string;
  readonly until?: string;
}

export function addAudit(program: Command): void {
  const audit = program.command("audit").description("The audit log: what was done, and what was refused");
  addList(audit);
  addVerify(audit);
  audit
    .command("export")
    .description("Write every record to stdout, oldest first, one JSON object a line")
    .option("--after <seq>", "only records after this one", integer(0))
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ after?: number }>(command);
      const box = await openClient(flags);
      for await (const record of box.audit.export({ afterSeq: flags.after })) {
        if (!process.stdout.write(`${JSON.stringify(record)}\n`)) await drained();
      }
    });
}

function addList(audit: Command): void {
  addPaging(audit.command("list").description("List records, newest first"))
    .option("--principal <id>", "only of this token, or `session:<id>`, `anonymous`, `server`")
    .option("--action <action>", "only this, such as tokens.create or authentication")
    .option("--decision <decision>", "only what was decided so: allow or deny")
    .option("--resource <kind>", "only on this kind of thing")
    .option("--resource-id <id>", "only on this thing")
    .option("--request <id>", "only of this request")
    .option("--since <time>", "at or after this time (RFC 3339)")
    .option("--until <time>", "before this time (RFC 3339)")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<ListFlags>(command);
      const { principal, action, decision, resourceId, since, until } = flags;
      const filter = { principal, action, decision, resourceKind: flags.resource, resourceId, since, until };
      const box = await openClient(flags);
      const read = (page: object) => box.audit.list({ ...filter, requestId: flags.request, ...page });
      await printPages<AuditRecord>(flags, read, {
        format: formatFor(flags),
        empty: "no records",
        columns: [
          { title: "SEQ", value: ({ seq }) => String(seq) },
          { title: "TIME", value: ({ ts }) => ts },
          { title: "DECISION", value: (record) => record.decision },
          { title: "ACTION", value: (record) => record.action },
          { title: "PRINCIPAL", value: (record) => record.principal },
          { title: "RESOURCE", value: ({ resource }) => [resource.kind, resource.id ?? ""].join(" ").trim() },
          { title: "WHY", value: ({ reasons }) => reasons.join("; ") },
        ],
      });
    });
}

function addVerify(audit: Command): void {
  audit
    .command("verify")
    .description("Tell the first record that was changed or removed; exit code 1 when there is one")
    .option("--file <file>", "what `audit export` wrote, checked here without a server")
    .option(
      "--newest <seq:hash>",
      "what was the newest record once: it must still be there, so that no end was cut off",
      place,
    )
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ file?: string; newest?: Place }>(command);
      const chain = flags.file === undefined ? await chainOfServer(flags) : chainOfFile(flags.file);
      const verified = await chain.verify();
      const found =
        verified.ok && flags.newest !== undefined ? await mustHave(flags.newest, verified, chain) : verified;
      const format = formatFor(flags);
      if (format === "json") printJson(found);
      else printRecord(rowsOf(found), format);
      if (!found.ok) throw new ExitError(EXIT.failed);
    });
}

function rowsOf({ ok, entries, after, head, bad }: AuditVerification): [string, string | number][] {
  const rows: [string, string | number][] = [
    ["result", ok ? "every record is as it was written" : `wrong from record ${bad?.seq} on: ${bad?.reason}`],
    ["records", entries],
  ];
  if (after !== undefined && after.seq > 0) rows.push(["hangs on", `${after.seq}:${after.hash}`]);
  if (head !== undefined) rows.push(["newest", `${head.seq}:${head.hash}`]);
  return rows;
}

interface Chain {
  verify(): Promise<AuditVerification>;
  /** From this record on, or from an earlier one. */
  recordsFrom(seq: number): AsyncIterable<unknown>;
}

async function chainOfServer(flags: GlobalFlags): Promise<Chain> {
  const { audit } = await openClient(flags);
  return { verify: () => audit.verify(), recordsFrom: (seq) => audit.export({ afterSeq: seq - 1 }) };
}

function chainOfFile(file: string): Chain {
  async function* records(): AsyncGenerator<unknown> {
    const { open } = await import("node:fs/promises");
    await using handle = await open(file, "r");
    for await (const line of handle.readLines({ encoding: "utf8" })) yield parsed(line);
  }
  return {
    verify: async () => (await import("../../governance/index.ts")).verifyChain(records()),
    recordsFrom: records,
  };
}

interface Place {
  readonly seq: number;
  readonly hash: string;
}

function place(text: string): Place {
  const match = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text);
  if (match === null) throw new InvalidArgumentError("it must be a record's number, a colon, and its hash.");
  return { seq: Number(match[1]), hash: match[2] ?? "" };
}

async function mustHave({ seq, hash }: Place, verified: AuditVerification, chain: Chain): Promise<AuditVerification> {
  for await (const record of chain.recordsFrom(seq)) {
    const at = record as Place;
    if (at.seq < seq) continue;
    if (at.seq === seq && at.hash === hash) return verified;
    break;
  }
  return { ...verified, ok: false, bad: { seq, reason: "the record that was the newest once is not there" } };
}

/** A line that is no JSON is no record, which verifying tells. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return line;
  }
}

function drained(): Promise<void> {
  return new Promise((resolve) => process.stdout.once("drain", resolve));
}
