import { z } from "zod";
import { Token, TokenInput } from "../../core/schemas.ts";
import { IdParams, PageQuery, page } from "./fields.ts";
import { defineOperations } from "./operation.ts";

export const tokenOperations = defineOperations({
  "tokens.list": {
    method: "GET",
    path: "/v1/tokens",
    summary: "List tokens; their secrets are never shown",
    minimumRole: "admin",
    query: PageQuery,
    answer: "json",
    status: 200,
    response: page(Token),
    sdk: "tokens.list",
    cli: "token list",
  },
  "tokens.create": {
    method: "POST",
    path: "/v1/tokens",
    summary: "Make a token; the answer shows its secret this once",
    minimumRole: "admin",
    body: TokenInput,
    answer: "json",
    status: 201,
    response: z.strictObject({ token: Token, secret: z.string() }),
    sdk: "tokens.create",
    cli: "token create",
  },
  "tokens.delete": {
    method: "DELETE",
    path: "/v1/tokens/{id}",
    summary: "Revoke a token, at once",
    minimumRole: "admin",
    params: IdParams,
    answer: "none",
    status: 204,
    sdk: "tokens.delete",
    cli: "token delete",
  },
});
