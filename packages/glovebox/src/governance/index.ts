/** Who may do what, how often, and what is masked. */

export { type AddressList, createAddressList } from "./address-list.ts";
export {
  type AuditLog,
  type AuditLogOptions,
  type AuditPage,
  type AuditQuery,
  createAuditLog,
} from "./audit/audit-log.ts";
export type { AuditRecord } from "./audit/record.ts";
export { type AuditVerification, verifyChain } from "./audit/verify.ts";
export { type AuthorityStore, createEgress, type EgressOptions, parseNetworkRules } from "./egress/index.ts";
export { createRedactor, type RedactionProfile } from "./redaction/redactor.ts";
export { createRoleAuthorizer, type RoleRule } from "./role-authorizer.ts";
export { DEFAULT_TENANT } from "./root-token.ts";
export type { TenantAuthorities } from "./secrets/authorities.ts";
export { KEY_VARIABLE } from "./secrets/environment-keys.ts";
export { MAX_VALUE_BYTES, MIN_VALUE_CHARACTERS, type SecretInput } from "./secrets/secret-input.ts";
export {
  createSecrets,
  type SecretInfo,
  type SecretService,
  type Secrets,
  type SecretsOptions,
} from "./secrets/secrets.ts";
export { createTokenBucket, type TokenBucketOptions } from "./token-bucket.ts";
export { createTokenService, type GovernedTokens, type TokenServiceOptions } from "./tokens.ts";
