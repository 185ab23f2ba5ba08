import type { Role, Token } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { agoText } from "../render/units.ts";
import { confirmLoss } from "./confirm.ts";
import { flagsOf, list } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";

export function addToken(program: Command): void {
  const token = program.command("token").description("Tokens: who may use the server");
  addPaging(token.command("list").description("List tokens; their secrets are never shown")).action(
    async (_options, command: Command) => {
      const flags = flagsOf<PagingFlags>(command);
      const box = await openClient(flags);
      await printPages<Token>(flags, (page) => box.tokens.list(page), {
        format: formatFor(flags),
        empty: "no tokens",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "NAME", value: ({ name }) => name },
          { title: "ROLES", value: ({ roles, root }) => (root ? "root" : roles.join(",")) },
          { title: "TENANT", value: ({ tenantId }) => tenantId },
          { title: "BEGINS", value: ({ prefix }) => prefix },
          { title: "LAST USED", value: ({ lastUsedAt }) => agoText(lastUsedAt) },
          { title: "EXPIRES", value: ({ expiresAt }) => expiresAt ?? "" },
        ],
      });
    },
  );
  addCreate(token);
  token
    .command("delete <id>")
    .description("Revoke a token, at once")
    .option("-y, --yes", "do not ask")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      await confirmLoss(`Revoking token ${id}`, flags.yes);
      await (await openClient(flags)).tokens.delete(id);
      if (flags.json === true) printJson({ id, deleted: true });
      else process.stdout.write(`${id}\tdeleted\n`);
    });
  token
    .command("whoami")
    .description("Whom the token stands for")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const who = await (await openClient(flags)).whoami();
      const format = formatFor(flags);
      if (format === "json") return printJson(who);
      printRecord(
        [
          ["name", who.name],
          ["tenant", who.tenantId],
          ["roles", who.root ? "root" : who.roles.join(", ")],
          ["token", who.tokenId],
        ],
        format,
      );
    });
}

function addCreate(token: Command): void {
  token
    .command("create <name>")
    .description("Make a token; its secret is shown this once")
    .option("--role <role>", "viewer, agent, developer (default), operator or admin; can be repeated", list)
    .option("--expires <when>", "a time (RFC 3339), or a span like 30d, 12h, 45m")
    .option("--tenant <tenant>", "another tenant than one's own: only for the root token")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ role?: Role[]; expires?: string; tenant?: string }>(command);
      const expiresAt = flags.expires === undefined ? undefined : expiry(flags.expires, Date.now());
      const box = await openClient(flags);
      const made = await box.tokens.create({ name, roles: flags.role, expiresAt, tenantId: flags.tenant });
      const format = formatFor(flags);
      if (format === "json") return printJson(made);
      if (format === "plain") return void process.stdout.write(`${made.secret}\n`);
      printRecord(
        [
          ["id", made.token.id],
          ["name", made.token.name],
          ["roles", made.token.roles.join(", ")],
          ["expires", made.token.expiresAt ?? "never"],
          ["secret", made.secret],
        ],
        format,
      );
      process.stderr.write("Keep the secret: it cannot be shown again.\n");
    });
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A time in RFC 3339 from itself or from a span that starts now. */
export function expiry(text: string, nowMs: number): string {
  const span = /^(\d{1,6})([mhdw])$/.exec(text);
  if (span !== null) return new Date(nowMs + Number(span[1]) * (UNITS[span[2] as string] ?? 0)).toISOString();
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError(`not a time or a span: ${text}`, "2027-01-31T12:00:00Z, 30d, 12h, 45m");
  return new Date(at).toISOString();
}
