/**
 * Takes out of GitHub's published API description (npm `@octokit/openapi`, MIT) what requests to the operations that Glovebox uses must be, for the
 * GitHub of the tests: `packages/glovebox/src/forges/testing/github-api.json`. The package has 385 MB and is no dependency: this fetches it by npm, checks its
 * integrity, and keeps some kilobytes. To add an operation: name it here, run `node scripts/extract-github-api.ts`, commit the file.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const PACKAGE = "@octokit/openapi@23.0.2";
const INTEGRITY = "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==";
const TARGET = resolve(import.meta.dirname, "../packages/glovebox/src/forges/testing/github-api.json");

const OPERATIONS: readonly (readonly [method: string, path: string])[] = [
  ["get", "/repos/{owner}/{repo}/installation"],
  ["post", "/app/installations/{installation_id}/access_tokens"],
  ["post", "/repos/{owner}/{repo}/check-runs"],
  ["patch", "/repos/{owner}/{repo}/check-runs/{check_run_id}"],
  ["get", "/repos/{owner}/{repo}/commits/{ref}/check-runs"],
  ["post", "/repos/{owner}/{repo}/statuses/{sha}"],
  ["get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"],
  ["post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"],
  ["patch", "/repos/{owner}/{repo}/issues/comments/{comment_id}"],
  ["get", "/repos/{owner}/{repo}/pulls"],
  ["post", "/repos/{owner}/{repo}/pulls"],
  ["get", "/repos/{owner}/{repo}/hooks"],
  ["post", "/repos/{owner}/{repo}/hooks"],
  ["patch", "/repos/{owner}/{repo}/hooks/{hook_id}"],
  ["delete", "/repos/{owner}/{repo}/hooks/{hook_id}"],
];

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Fields = { [name: string]: Json };

const folder = mkdtempSync(join(tmpdir(), "github-api-"));
try {
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--silent", PACKAGE], { cwd: folder, encoding: "utf8" }),
  ) as [{ filename: string }];
  const archive = join(folder, filename);
  const found = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (found !== INTEGRITY) throw new Error(`${PACKAGE} is not what it was: ${found}`);
  const member = "package/generated/api.github.com.json";
  execFileSync("tar", ["-xzf", archive, "-C", folder, member]);
  const description = JSON.parse(readFileSync(join(folder, member), "utf8")) as Fields;
  const extract = {
    source: PACKAGE,
    integrity: INTEGRITY,
    operations: OPERATIONS.map((one) => extractOf(description, one)),
  };
  writeFileSync(TARGET, `${JSON.stringify(extract, undefined, 1)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function extractOf(description: Fields, [method, path]: readonly [string, string]): Fields {
  const whole = resolveAll(description, at(description, "paths", path, method)) as Fields;
  const { operationId, parameters = [], requestBody, responses } = whole;
  const body =
    requestBody === undefined ? undefined : at(requestBody as Fields, "content", "application/json", "schema");
  return {
    method: method.toUpperCase(),
    path,
    operationId: operationId ?? null,
    successStatus: Number(Object.keys(responses as Fields).find((status) => status.startsWith("2"))),
    parameters: (parameters as Fields[]).map(({ name, in: where, required, schema }) => ({
      name: name ?? null,
      in: where ?? null,
      required: required ?? false,
      schema: schema ?? {},
    })),
    ...(body !== undefined && { body }),
  };
}

function at(value: Json, ...names: readonly string[]): Json {
  return names.reduce<Json>((inner, name) => {
    const next = (inner as Fields | undefined)?.[name];
    if (next === undefined) throw new Error(`the description has no ${names.join(" ")}`);
    return next;
  }, value);
}

/** References put in, and words for people left out. */
function resolveAll(description: Fields, value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => resolveAll(description, item));
  if (typeof value !== "object" || value === null) return value;
  if (typeof value.$ref === "string")
    return resolveAll(description, at(description, ...value.$ref.slice(2).split("/")));
  const kept = Object.entries(value).filter(([name, inner]) => {
    const isForPeople = ["description", "example", "examples", "x-github"].includes(name) && typeof inner !== "object";
    return !isForPeople && name !== "examples" && name !== "x-github" && name !== "externalDocs";
  });
  // Answers are not checked, and refer to half of GitHub.
  return Object.fromEntries(
    kept.map(([name, inner]) => [name, name === "responses" ? inner : resolveAll(description, inner)]),
  );
}
