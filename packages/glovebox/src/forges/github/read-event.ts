import type { z } from "zod";
import type { Delivery } from "../delivery.ts";
import type { ForgeEvent } from "../forge-event.ts";
import { malformed } from "../payload.ts";
import { commandOf } from "./comment-command.ts";
import {
  AnyPayload,
  CheckRunPayload,
  CheckSuitePayload,
  CreatePayload,
  IssueCommentPayload,
  MergeGroupPayload,
  PullRequestPayload,
  PushPayload,
  ReleasePayload,
  RepositoryDispatchPayload,
  WorkflowDispatchPayload,
} from "./payloads.ts";

type Common = Omit<ForgeEvent, "ref">;
type Reader = (delivery: Delivery, common: Common) => ForgeEvent | undefined;

const NO_COMMIT = "0".repeat(40);

/** What a delivery of GitHub, or of one that speaks as GitHub does, is in our words. `undefined` when nothing can come of it. */
export function readGitHubEvent(delivery: Delivery): ForgeEvent | undefined {
  const read = READERS[delivery.event];
  if (read === undefined) return undefined;
  const { repository, sender, installation, action } = parse(AnyPayload, delivery);
  if (repository === undefined) return undefined;
  return read(delivery, {
    name: delivery.event,
    ...(action !== undefined && { action }),
    deliveryId: delivery.id,
    repository: {
      fullName: repository.full_name,
      cloneUrl: repository.clone_url,
      defaultBranch: repository.default_branch,
      private: repository.private,
    },
    isDeletion: false,
    isFork: false,
    actor: sender?.login ?? "",
    payload: delivery.payload,
    ...(installation != null && { installationId: String(installation.id) }),
  });
}

/** The events that workflows can be started by, each with where it takes place: https://docs.github.com/en/actions/reference/events-that-trigger-workflows */
const READERS: Readonly<Record<string, Reader>> = {
  push(delivery, common) {
    const { ref, before, after, deleted } = parse(PushPayload, delivery);
    const isNew = before === NO_COMMIT;
    return { ...common, ref, sha: after, isDeletion: deleted, ...(!isNew && { before }) };
  },
  pull_request: pullRequest,
  pull_request_review: pullRequest,
  pull_request_review_comment: pullRequest,
  workflow_dispatch: (delivery, common) => ({
    ...common,
    ref: wholeRef(parse(WorkflowDispatchPayload, delivery).ref),
  }),
  repository_dispatch(delivery, common) {
    const { branch } = parse(RepositoryDispatchPayload, delivery);
    return { ...common, ref: wholeRef(branch ?? common.repository.defaultBranch) };
  },
  // Of our own reports there are many more: only what a person asks for is an event.
  check_run(delivery, common) {
    if (common.action !== "rerequested") return undefined;
    const { check_run: run } = parse(CheckRunPayload, delivery);
    const externalId = run.external_id ?? undefined;
    const rerequested = {
      headSha: run.head_sha,
      checkRunId: String(run.id),
      ...(externalId !== undefined && { externalId }),
    };
    return { ...common, ref: defaultRef(common), sha: run.head_sha, rerequested };
  },
  check_suite(delivery, common) {
    if (common.action !== "rerequested") return undefined;
    const { head_sha: headSha } = parse(CheckSuitePayload, delivery).check_suite;
    return { ...common, ref: defaultRef(common), sha: headSha, rerequested: { headSha } };
  },
  issue_comment(delivery, common) {
    const { issue, comment } = parse(IssueCommentPayload, delivery);
    const isPullRequest = issue.pull_request != null;
    const command = isPullRequest && common.action === "created" ? commandOf(comment) : undefined;
    return {
      ...common,
      ref: defaultRef(common),
      ...(isPullRequest && { pullRequest: issue.number }),
      ...(command !== undefined && { command }),
    };
  },
  release: (delivery, common) => ({ ...common, ref: `refs/tags/${parse(ReleasePayload, delivery).release.tag_name}` }),
  create(delivery, common) {
    const { ref, ref_type: type } = parse(CreatePayload, delivery);
    if (type === "repository") return undefined;
    return { ...common, ref: `refs/${type === "tag" ? "tags" : "heads"}/${ref}` };
  },
  merge_group(delivery, common) {
    const { merge_group: group } = parse(MergeGroupPayload, delivery);
    const baseRef = group.base_ref.replace(/^refs\/heads\//, "");
    return { ...common, ref: wholeRef(group.head_ref), sha: group.head_sha, before: group.base_sha, baseRef };
  },
  ...Object.fromEntries(
    [
      ...["branch_protection_rule", "delete", "discussion", "discussion_comment", "fork", "gollum", "issues", "label"],
      ...["milestone", "page_build", "public", "registry_package", "watch"],
    ].map((name): [string, Reader] => [name, (_delivery, common) => ({ ...common, ref: defaultRef(common) })]),
  ),
};

function pullRequest(delivery: Delivery, common: Common): ForgeEvent {
  const { number, head, base } = parse(PullRequestPayload, delivery).pull_request;
  // A fork that was deleted since has no repository any more.
  const from = head.repo?.full_name.toLowerCase();
  return {
    ...common,
    // What runs is the merge, which GitHub makes by itself a little later: see `ci/webhooks`.
    ref: `refs/pull/${number}/merge`,
    headSha: head.sha,
    headRef: head.ref,
    baseRef: base.ref,
    before: base.sha,
    isFork: from !== common.repository.fullName.toLowerCase(),
    pullRequest: number,
  };
}

function wholeRef(ref: string): string {
  return ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
}

function defaultRef({ repository }: Common): string {
  return `refs/heads/${repository.defaultBranch}`;
}

function parse<T extends z.ZodType>(schema: T, { event, payload }: Delivery): z.output<T> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw malformed(`${event}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as it should be"}`);
}
