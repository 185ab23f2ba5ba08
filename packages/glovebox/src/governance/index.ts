/** Who may do what, how often, and what is masked. */

export { type AddressList, createAddressList } from "./address-list.ts";
export { createRedactor, type RedactionProfile } from "./redaction/redactor.ts";
export { createRoleAuthorizer, type RoleRule } from "./role-authorizer.ts";
export { DEFAULT_TENANT } from "./root-token.ts";
export { createTokenBucket, type TokenBucketOptions } from "./token-bucket.ts";
export { createTokenService, type GovernedTokens, type TokenServiceOptions } from "./tokens.ts";
