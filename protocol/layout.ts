/** Where things are inside a container. The host mounts them there, the runner finds them there. */
export const inside = {
  /** Read-only directory of the host's mailbox. */
  inboundDb: "/nanoclaw/in/inbound.db",
  inboundDir: "/nanoclaw/in",
  /** The runner's mailbox: two single-file mounts. */
  outboundDb: "/nanoclaw/out/outbound.db",
  outboundJournal: "/nanoclaw/out/outbound.db-journal",
  /** Read-only directory with the session socket in it. */
  socketDir: "/nanoclaw/run",
  socket: "/nanoclaw/run/session.sock",
  /** Read-only directory with `config.json` (see config.ts) and `instructions.md`. */
  configDir: "/nanoclaw/config",
  config: "/nanoclaw/config/config.json",
  instructions: "/nanoclaw/config/instructions.md",
  /** Whom TLS clients trust: the gateway's own authority, and it together with everybody's. */
  ownAuthority: "/nanoclaw/config/ca.pem",
  authorities: "/nanoclaw/config/ca-bundle.pem",
  /** Where the runner listens on 127.0.0.1 for clients of an HTTP proxy. */
  proxyPort: 3128,
  /** The provider's own transcripts, read-write, one directory per session. */
  providerState: "/nanoclaw/provider",
  /** Read-only, beside the image's node_modules: these folders of this installation. */
  runnerDir: "/app/container/runner",
  providersDir: "/app/container/providers",
  protocolDir: "/app/protocol",
  runnerMain: "/app/container/runner/main.ts",
  /** The agent's own files: the only part of the group's folder that it sees. */
  workspace: "/workspace",
  home: "/home/agent",
} as const;
