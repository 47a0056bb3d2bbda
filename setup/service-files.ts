/** What a service manager is told about the host: pure text. */
import { hostArguments, hostEnvironment } from "../src/lib/host-command.ts";
import type { Paths } from "../src/lib/paths.ts";

/** The same name in every service manager; two installations never share one. */
export const serviceName = (paths: Paths) => `nanoclaw-${paths.installation}`;

/** Host settings that must reach the service as they reached the set-up. */
export function serviceEnvironment(env: NodeJS.ProcessEnv): [name: string, value: string][] {
  const names = [
    "PATH",
    "NODE_USE_SYSTEM_CA",
    "NODE_EXTRA_CA_CERTS",
    "DOCKER_HOST",
    "NANOCLAW_DATA",
    "NANOCLAW_RUN",
    "XDG_CONFIG_HOME",
  ];
  return names.flatMap((name) => (env[name] ? [[name, env[name]] as [string, string]] : []));
}

const environmentOf = (paths: Paths, env: NodeJS.ProcessEnv) => [
  ...serviceEnvironment(env),
  ...Object.entries(hostEnvironment(paths)),
];

const quoted = (value: string) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;

/** @param node absolute path of the Node that runs the host */
export function systemdUnit(paths: Paths, node: string, env: NodeJS.ProcessEnv): string {
  const environment = environmentOf(paths, env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}\n`);
  return `[Unit]
Description=NanoClaw (${paths.root})

[Service]
WorkingDirectory=${paths.root.replaceAll("%", "%%")}
ExecStart=${[quoted(node), ...hostArguments].join(" ")}
${environment.join("")}Restart=on-failure
RestartSec=2
LimitCORE=0

[Install]
WantedBy=default.target
`;
}

const xml = (value: string) => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

export function launchdPlist(paths: Paths, node: string, env: NodeJS.ProcessEnv): string {
  const pair = ([name, value]: [string, string]) => `    <key>${xml(name)}</key><string>${xml(value)}</string>\n`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
  <key>Label</key><string>${serviceName(paths)}</string>
  <key>ProgramArguments</key>
  <array>${[node, ...hostArguments].map((word) => `<string>${xml(word)}</string>`).join("")}</array>
  <key>WorkingDirectory</key><string>${xml(paths.root)}</string>
  <key>EnvironmentVariables</key>
  <dict>
${environmentOf(paths, env).map(pair).join("")}  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
</dict>
</plist>
`;
}
