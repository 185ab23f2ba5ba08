import type { AuditSink, EgressDecision, EgressSpec } from "../../core/index.ts";
import { formatAuthority } from "./host.ts";
import type { Refusal } from "./refusal.ts";
import type { SecretBook } from "./secret-book.ts";

/** What a decision is about. `path`: without its query. */
export interface Subject {
  readonly action: "egress.connect" | "egress.request";
  readonly host: string;
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
}

/** Tells the session and the audit log of each decision, without placeholders and values. */
export interface Recorder {
  allow(subject: Subject, reason: string, secrets?: readonly string[]): void;
  refuse(subject: Subject, refusal: Refusal): void;
}

const MAX_TEXT = 1024;

export function createRecorder(spec: EgressSpec, audit: AuditSink, book: SecretBook): Recorder {
  const clean = (text: string) => book.mask(text.replace(/\p{Cc}/gu, " ").slice(0, MAX_TEXT));
  const record = (subject: Subject, allowed: boolean, code: string, reason: string, secrets?: readonly string[]) => {
    const { host, port, method, path, action } = subject;
    const decision: EgressDecision = {
      allowed,
      code,
      reason: clean(reason),
      host: clean(host),
      port,
      ...(method === undefined ? {} : { method: clean(method) }),
      ...(path === undefined ? {} : { path: clean(path) }),
      ...(secrets === undefined || secrets.length === 0 ? {} : { secrets }),
    };
    spec.onDecision(decision);
    audit.record({
      tenantId: spec.tenantId,
      principal: `session:${spec.sessionId}`,
      action,
      resource: { kind: "host", id: formatAuthority(decision.host, port) },
      decision: allowed ? "allow" : "deny",
      reasons: [code, decision.reason],
    });
  };
  return {
    allow: (subject, reason, secrets) => record(subject, true, "allowed", reason, secrets),
    refuse: (subject, { code, message }) => record(subject, false, code, message),
  };
}
