import { z } from "zod";

/**
 * The parts of GitHub's webhook payloads that are read here, with their bounds; everything else is passed on as it is.
 * Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads, and the examples in @octokit/webhooks-examples.
 */
const Sha = z.string().regex(/^[0-9a-f]{40}$/);
/** A branch's or tag's name, or a whole ref. */
const RefName = z.string().min(1).max(512);
const FullName = z.string().regex(/^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/);

export const AnyPayload = z.looseObject({
  repository: z
    .looseObject({
      full_name: FullName,
      clone_url: z.string().max(2048),
      default_branch: RefName,
      private: z.boolean().default(false),
    })
    .optional(),
  sender: z.looseObject({ login: z.string().max(255) }).optional(),
  installation: z.looseObject({ id: z.union([z.number(), z.string()]) }).nullish(),
  action: z.string().max(255).optional(),
});

export const PushPayload = z.looseObject({
  ref: RefName,
  before: Sha,
  after: Sha,
  deleted: z.boolean(),
});

const PullRequest = z.looseObject({
  number: z.number().int().positive(),
  head: z.looseObject({ sha: Sha, ref: RefName, repo: z.looseObject({ full_name: FullName }).nullish() }),
  base: z.looseObject({ sha: Sha, ref: RefName }),
});

export const PullRequestPayload = z.looseObject({ pull_request: PullRequest });

export const WorkflowDispatchPayload = z.looseObject({ ref: RefName });

export const RepositoryDispatchPayload = z.looseObject({ branch: RefName.nullish() });

export const CheckRunPayload = z.looseObject({
  check_run: z.looseObject({
    id: z.number().int(),
    head_sha: Sha,
    external_id: z.string().max(512).nullish(),
  }),
});

export const CheckSuitePayload = z.looseObject({ check_suite: z.looseObject({ head_sha: Sha }) });

export const IssueCommentPayload = z.looseObject({
  issue: z.looseObject({ number: z.number().int().positive(), pull_request: z.unknown().optional() }),
  comment: z.looseObject({ body: z.string(), author_association: z.string().max(64) }),
});

export const ReleasePayload = z.looseObject({ release: z.looseObject({ tag_name: RefName }) });

export const CreatePayload = z.looseObject({ ref: RefName, ref_type: z.enum(["branch", "tag", "repository"]) });

export const MergeGroupPayload = z.looseObject({
  merge_group: z.looseObject({ head_sha: Sha, head_ref: RefName, base_ref: RefName, base_sha: Sha }),
});
