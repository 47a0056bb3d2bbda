/** Places that no agent ever gets, as data. What is one of them, lies in one or has one below it can't be mounted. */

/** Below the home of whoever runs NanoClaw: keys, credentials, browsers' profiles, and what a shell or desktop runs at its start. */
export const inHome = [
  ...[".ssh", ".gnupg", ".password-store", ".local/share/keyrings", "Library/Keychains", ".pki"],
  ...[".aws", ".azure", ".kube", ".docker", ".config/gcloud", ".config/gh", ".config/op", ".config/rclone", ".oci"],
  ...[".netrc", ".npmrc", ".pypirc", ".git-credentials", ".pgpass", ".my.cnf", ".cargo/credentials.toml"],
  ...[".mozilla", ".thunderbird", ".config/google-chrome", ".config/chromium", ".config/BraveSoftware"],
  ...[".config/microsoft-edge", ".config/vivaldi", "Library/Application Support/Google/Chrome"],
  ...["Library/Application Support/Firefox", "Library/Cookies", "Library/Messages", "Library/Mail"],
  ...[".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zshenv", ".zprofile"],
  ...[".config/fish", ".config/autostart", ".config/systemd", "Library/LaunchAgents", ".local/bin", ".bash_history"],
];

/** Of the machine: the engine's data and sockets, what programs and services read at their start, the kernel's own. */
export const ofMachine = [
  ...["/boot", "/dev", "/etc", "/proc", "/sys", "/run", "/var/run", "/root", "/usr", "/bin", "/sbin", "/lib"],
  ...["/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/spool/cron", "/var/log", "/var/backups"],
  ...["/Library", "/System", "/private/etc", "/private/var/run"],
];

/** Names that mean the same wherever they are: in another person's home, in a backup. */
export const anywhere = [".ssh", ".gnupg", ".aws", ".kube", ".password-store", ".mozilla", "docker.sock", "keyrings"];

/** Files that are likely to hold a secret; they are shown before a folder is granted. */
export const sensitive =
  /^(id_(rsa|dsa|ecdsa|ed25519)|\.env(\..+)?|\.netrc|\.npmrc|\.pypirc|\.git-credentials|\.pgpass|wallet\.dat|credentials(\..+)?|secrets?(\..+)?|.*\.(pem|key|p12|pfx|jks|kdbx|keystore|ovpn))$/i;
