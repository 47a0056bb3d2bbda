/**
 * What travels over a session socket, beside proxied requests. The socket is a Unix socket that carries HTTP/1.1;
 * the socket itself is the session's identity, so nothing on it names a session.
 *
 * - `GET /nanoclaw/bell` with `Upgrade: nanoclaw-bell`: after the 101 each byte, in either direction, means
 *   "look at your mailbox". Bytes carry no data and may be merged.
 * - `PUT /nanoclaw/files/<name>`: bytes of a file that the agent wants to send. The answer is `{ "file": id }`, the id
 *   good for one `messages.send` of this session. The latest files of a session are kept; older ones are forgotten.
 * - `GET /nanoclaw/proxy` with `Upgrade: nanoclaw-proxy`: after the 101 the connection is a client's of an HTTP proxy.
 * - `/model/<api>/...`: a request to the model's API; the gateway puts the credential in and forwards it.
 */
export const BELL_PATH = "/nanoclaw/bell";
export const FILES_PREFIX = "/nanoclaw/files/";
/** Largest file that leaves a container, in bytes. */
export const MAX_FILE_BYTES = 50_000_000;
export const BELL_PROTOCOL = "nanoclaw-bell";
/** Prefix of requests to a model; the segment after it names the API ("anthropic"). */
export const MODEL_PREFIX = "/model/";
export const PROXY_PATH = "/nanoclaw/proxy";
export const PROXY_PROTOCOL = "nanoclaw-proxy";
