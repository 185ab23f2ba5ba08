import { verify } from "@octokit/webhooks-methods";
import type { RawDelivery } from "../delivery.ts";
import { headerOf } from "../payload.ts";

const SIGNATURE = /^sha256=[0-9a-f]{64}$/;

/** Whether one of the secrets signed the body. As long as another of the same number of secrets: none ends the search. */
export async function isSignedWith(
  raw: RawDelivery,
  signature: string | undefined,
  secrets: readonly string[],
): Promise<boolean> {
  if (signature === undefined || !SIGNATURE.test(signature) || raw.body.length === 0) return false;
  const text = raw.body.toString("utf8");
  // What is no UTF-8 would not be the bytes that were signed any more.
  if (!Buffer.from(text, "utf8").equals(raw.body)) return false;
  const answers = await Promise.all(secrets.filter((secret) => secret !== "").map((s) => verify(s, text, signature)));
  return answers.includes(true);
}

export function gitHubSignature(raw: RawDelivery): string | undefined {
  return headerOf(raw, "x-hub-signature-256");
}
