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
const TRUST_VARIABLES = [
  "SSL_CERT_FILE",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "CARGO_HTTP_CAINFO",
  "PIP_CERT",
];

/** What a sandbox with a network has in its environment, before what the user says. */
export function proxyEnv(opensTls: boolean): Record<string, string> {
  const bundle = opensTls ? TRUST.bundle : TRUST.system;
  return {
    ...PROXY_VARIABLES,
    ...Object.fromEntries(TRUST_VARIABLES.map((name) => [name, bundle])),
    // Node has authorities of its own and adds to them.
    ...(opensTls && { NODE_EXTRA_CA_CERTS: TRUST.authority }),
  };
}
