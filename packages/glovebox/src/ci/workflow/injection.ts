import type { Expr } from "@actions/expressions";
import { IndexAccess, Literal } from "@actions/expressions/ast";
import { isGloveboxError } from "../../core/index.ts";
import { namedContext, nodesOf } from "../expressions/calls.ts";
import { parseExpression } from "../expressions/parse.ts";
import { segmentsOf } from "../expressions/segments.ts";

/**
 * The fields that whoever opens an issue or a pull request can fill with anything; `*` stands for any one field.
 * Source: https://docs.github.com/en/actions/concepts/security/script-injections and
 * https://securitylab.github.com/resources/github-actions-untrusted-input/
 */
const UNTRUSTED: readonly string[] = [
  "github.event.issue.title",
  "github.event.issue.body",
  "github.event.pull_request.title",
  "github.event.pull_request.body",
  "github.event.pull_request.head.ref",
  "github.event.pull_request.head.label",
  "github.event.pull_request.head.repo.default_branch",
  "github.event.pull_request.head.repo.description",
  "github.event.pull_request.head.repo.homepage",
  "github.event.comment.body",
  "github.event.review.body",
  "github.event.review_comment.body",
  "github.event.discussion.title",
  "github.event.discussion.body",
  "github.event.pages.*.page_name",
  "github.event.commits.*.message",
  "github.event.commits.*.author.email",
  "github.event.commits.*.author.name",
  "github.event.head_commit.message",
  "github.event.head_commit.author.email",
  "github.event.head_commit.author.name",
  "github.event.head_commit.committer.email",
  "github.event.head_commit.committer.name",
  "github.event.workflow_run.head_branch",
  "github.event.workflow_run.head_commit.message",
  "github.event.workflow_run.head_commit.author.email",
  "github.event.workflow_run.head_commit.author.name",
  "github.event.workflow_run.display_title",
  "github.head_ref",
];

const untrusted = UNTRUSTED.map((path) => path.split("."));

/** The fields in `text`'s expressions whose value an outsider can choose: in a script they become code. */
export function untrustedFields(text: string): readonly string[] {
  // Most scripts end here: reading their expressions takes a good part of the time that a file does.
  if (!/github.*(event|head_ref|\[)/is.test(text)) return [];
  try {
    const expressions = segmentsOf(text).filter((segment) => segment.kind === "expression");
    return [...new Set(expressions.flatMap(({ expression }) => fieldsOf(parseExpression(expression))))];
  } catch (error) {
    // What cannot be read is named as an error elsewhere.
    if (isGloveboxError(error, "invalid_argument")) return [];
    throw error;
  }
}

function fieldsOf(tree: Expr | undefined): string[] {
  if (tree === undefined) return [];
  return [...nodesOf(tree)].flatMap((node) => {
    const path = pathOf(node);
    return path !== undefined && untrusted.some((field) => matchesField(field, path)) ? [path.join(".")] : [];
  });
}

/** `github.event.x` as its names; `*` for an index that is no text. Undefined for what is no such path. */
function pathOf(node: Expr): string[] | undefined {
  const names: string[] = [];
  let at = node;
  while (at instanceof IndexAccess) {
    names.unshift(at.index instanceof Literal ? nameOf(at.index) : "*");
    at = at.expr;
  }
  const context = namedContext(at);
  return context === undefined ? undefined : [context, ...names];
}

function nameOf({ literal }: Literal): string {
  return literal.coerceString().toLowerCase();
}

function matchesField(field: readonly string[], path: readonly string[]): boolean {
  return (
    field.length === path.length &&
    field.every((name, index) => name === "*" || path[index] === "*" || name === path[index])
  );
}
