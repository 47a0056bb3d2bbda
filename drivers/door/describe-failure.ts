/** Why a connection failed, in words. */
export function describeFailure(error: Error & { code?: unknown }): string {
  const known: Record<string, string> = {
    ECONNREFUSED: "nothing listens there",
    ENOENT: "nothing listens there",
    ECONNRESET: "the connection was cut",
    EPIPE: "the connection was cut",
    ENOTFOUND: "its name is not known",
    EAI_AGAIN: "its name could not be looked up",
    ETIMEDOUT: "it did not answer",
    EHOSTUNREACH: "there is no way to it",
    ENETUNREACH: "there is no network",
  };
  const code = String(error.code ?? "");
  if (known[code]) return known[code];
  if (/CERT|SIGNATURE|ISSUER/.test(code)) return `its TLS certificate is not trusted (${code})`;
  return code.startsWith("HPE_") ? "it does not speak HTTP" : error.message;
}
