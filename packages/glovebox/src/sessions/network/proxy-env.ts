import { PROXY_PORT, TRUST } from "../../core/index.ts";

const PROXY = `http://127.0.0.1:${PROXY_PORT}`;
const LOCAL = "localhost,127.0.0.1,::1";

/** The variables by which programs find the proxy. Lower case too: curl reads only that for `http_proxy`. */
const PROXY_VARIABLES: Readonly<Record<string, string>> = {
  http_proxy: PROXY,
  HTTP_PROXY: PROXY,
  https_proxy: PROXY,
  HTTPS_PROXY: PROXY,
  no_proxy: LOCAL,
  NO_PROXY: LOCAL,
  // Node heeds the variables above only when told to (24 and later).
  NODE_USE_ENV_PROXY: "1",
};

/** The variables by which programs find what to trust. */
const TRUST_VARIABLES: Readonly<Record<string, string>> = {
  SSL_CERT_FILE: TRUST.bundle,
  REQUESTS_CA_BUNDLE: TRUST.bundle,
  CURL_CA_BUNDLE: TRUST.bundle,
  GIT_SSL_CAINFO: TRUST.bundle,
  CARGO_HTTP_CAINFO: TRUST.bundle,
  PIP_CERT: TRUST.bundle,
};

/** What a sandbox with a network has in its environment, before what the user says. */
export function proxyEnv(opensTls: boolean): Record<string, string> {
  // Node has roots of its own and adds to them.
  return { ...PROXY_VARIABLES, ...TRUST_VARIABLES, ...(opensTls && { NODE_EXTRA_CA_CERTS: TRUST.authority }) };
}
