import type { Glovebox, Repository, RepositoryInput, RepositoryPatch } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { confirmLoss } from "../commands/confirm.ts";
import { flagsOf, integer, pairs } from "../commands/options.ts";
import { addPaging, type PagingFlags, printPages } from "../commands/paging.ts";
import { type GlobalFlags, openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { agoText } from "../render/units.ts";
import { readSecretValue } from "../secret-value.ts";
import { addRepoValues } from "./repo-values.ts";

interface ChangeFlags {
  readonly branch?: string;
  readonly tokenFile?: string;
  readonly app?: boolean;
  readonly jobs?: number;
  readonly label?: Readonly<Record<string, string>>;
}

/** Repositories whose workflows the server runs. */
export function addRepo(ci: Command): void {
  const repo = ci.command("repo").description("Repositories whose workflows the server runs when they are pushed to");
  addAdd(repo);
  addList(repo);
  repo
    .command("show <repository>")
    .description("Show a repository, by owner/name or id")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      await show(flags, await findRepository(await openClient(flags), name));
    });
  addSet(repo);
  repo
    .command("remove <repository>")
    .description("Remove a repository with its secrets and variables")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      const box = await openClient(flags);
      const { id, fullName } = await findRepository(box, name);
      await confirmLoss(`Removing ${fullName} with its secrets`, flags.yes);
      await box.repositories.delete(id);
      if (flags.json === true) printJson({ id, deleted: true });
      else process.stdout.write(`${fullName}\tremoved\n`);
    });
  addHook(repo);
  addRepoValues(repo, "secret");
  addRepoValues(repo, "variable");
}

function changeOptions(command: Command): Command {
  return command
    .option("--branch <name>", "its default branch")
    .option("--token-file <file>", "read a token for the forge from here, `-` for stdin; it is kept sealed")
    .option("--app", "reach it as an installation of the server's GitHub App")
    .option("--jobs <n>", "jobs of it at work at a time", integer(1, 10_000))
    .option("--label <label=template>", "the template for a label of runs-on; can be repeated", pairs);
}

async function changesOf({ branch, tokenFile, app, jobs, label }: ChangeFlags) {
  return {
    ...(branch !== undefined && { defaultBranch: branch }),
    ...(tokenFile !== undefined && { token: await readSecretValue("the token", tokenFile) }),
    ...(app === true && { useApp: true }),
    ...(jobs !== undefined && { maxConcurrentJobs: jobs }),
    ...(label !== undefined && { labels: label }),
  } satisfies RepositoryPatch;
}

function addAdd(repo: Command): void {
  changeOptions(
    repo
      .command("add <owner/name>")
      .description("Add a repository; prints the secret for its webhook, this once")
      .addOption(new Option("--forge <kind>", "where it is").choices(["github", "gitea", "local"]).default("github"))
      .option("--clone-url <url>", "where git fetches it from; default on GitHub: its place there")
      .option(
        "--hook <url>",
        "register the webhook at the forge too: this server's /webhooks/… as the forge reaches it",
      ),
  ).action(async (fullName: string, _options, command: Command) => {
    const flags = flagsOf<ChangeFlags & { forge: Repository["forge"]; cloneUrl?: string; hook?: string }>(command);
    const { forge, cloneUrl, hook } = flags;
    const input: RepositoryInput = {
      forge,
      fullName,
      ...(cloneUrl !== undefined && { cloneUrl }),
      ...(await changesOf(flags)),
    };
    const box = await openClient(flags);
    const made = await box.repositories.create(input);
    if (hook === undefined) return await showMade(flags, made);
    try {
      const { repository } = await box.repositories.hook(made.repository.id, { url: hook });
      await showMade(flags, { ...made, repository });
    } catch (error) {
      // It was added all the same, and its secret is not shown again.
      await showMade(flags, made);
      throw error;
    }
  });
}

async function showMade(
  flags: GlobalFlags,
  made: { readonly repository: Repository; readonly webhookSecret: string },
): Promise<void> {
  if (flags.json === true) return printJson(made);
  await show(flags, made.repository);
  process.stdout.write(`webhook secret\t${made.webhookSecret}\n`);
  process.stderr.write("The secret is shown this once: give it to the forge with the webhook.\n");
}

function addSet(repo: Command): void {
  changeOptions(repo.command("set <repository>").description("Change a repository"))
    .option("--forget-token", "forget its token")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<ChangeFlags & { forgetToken?: boolean }>(command);
      const patch: RepositoryPatch = {
        ...(await changesOf(flags)),
        ...(flags.forgetToken === true && { token: null }),
      };
      if (Object.keys(patch).length === 0) throw new UsageError("what shall be changed?", "see --help");
      const box = await openClient(flags);
      const { id } = await findRepository(box, name);
      await show(flags, await box.repositories.update(id, patch));
    });
}

function addList(repo: Command): void {
  addPaging(repo.command("list").description("List repositories")).action(async (_options, command: Command) => {
    const flags = flagsOf<PagingFlags>(command);
    const box = await openClient(flags);
    await printPages<Repository>(flags, (request) => box.repositories.list(request), {
      format: formatFor(flags),
      columns: [
        { title: "REPOSITORY", value: ({ fullName }) => fullName },
        { title: "FORGE", value: ({ forge }) => forge },
        { title: "CREDENTIALS", value: ({ credentials }) => credentials },
        { title: "WEBHOOK", value: ({ hook }) => hook?.url ?? "" },
        { title: "ADDED", value: ({ createdAt }) => agoText(createdAt) },
      ],
      empty: "no repositories",
    });
  });
}

function addHook(repo: Command): void {
  repo
    .command("hook <repository>")
    .description("Register the webhook at the forge, or give it a new secret, which is printed this once")
    .option("--webhook-url <url>", "this server's /webhooks/… as the forge reaches it")
    .option("--rotate", "make a new secret; the one before is worth nothing from then on")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ webhookUrl?: string; rotate?: boolean }>(command);
      const { webhookUrl, rotate } = flags;
      if (webhookUrl === undefined && rotate !== true) throw new UsageError("give --webhook-url, --rotate or both");
      const box = await openClient(flags);
      const { id } = await findRepository(box, name);
      const request = { ...(webhookUrl !== undefined && { url: webhookUrl }), ...(rotate === true && { rotate }) };
      const answer = await box.repositories.hook(id, request);
      if (flags.json === true) return printJson(answer);
      await show(flags, answer.repository);
      if (answer.webhookSecret !== undefined) process.stdout.write(`webhook secret\t${answer.webhookSecret}\n`);
    });
}

/** By id or by `owner/name`, which may be there once for each forge. */
export async function findRepository(box: Glovebox, name: string): Promise<Repository> {
  if (!name.includes("/")) return await box.repositories.get(name);
  const { items } = await box.repositories.list({ name });
  const [only] = items;
  if (only === undefined) throw new UsageError(`there is no repository ${name}`, "add it: glovebox ci repo add");
  if (items.length > 1)
    throw new UsageError(`${name} is at several forges`, "name it by its id: glovebox ci repo list --json");
  return only;
}

async function show(flags: { readonly json?: boolean | undefined }, repository: Repository): Promise<void> {
  const format = formatFor(flags);
  if (format === "json") return printJson(repository);
  const { id, fullName, forge, cloneUrl, defaultBranch, credentials, hook, maxConcurrentJobs, labels } = repository;
  printRecord(
    [
      ["id", id],
      ["repository", fullName],
      ["forge", forge],
      ["clone url", cloneUrl],
      ["default branch", defaultBranch],
      ["credentials", credentials],
      ["webhook", hook?.url],
      ["jobs at once", maxConcurrentJobs],
      [
        "labels",
        Object.entries(labels)
          .map((pair) => pair.join("="))
          .join(", ") || undefined,
      ],
    ],
    format,
  );
}
