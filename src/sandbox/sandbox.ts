/** The contract of a container engine: plain data in, a running sandbox out. Nothing else knows an engine. */

export interface Mount {
  source: string;
  target: string;
  readOnly: boolean;
}

/** Everything that a container gets. Plain data, so that it can be shown, compared and tested before it starts. */
export interface SandboxSpec {
  name: string;
  image: string;
  command: string[];
  /** Engine runtime, e.g. "runc" or "runsc"; null for the engine's default. */
  runtime: string | null;
  user: { uid: number; gid: number };
  environment: Record<string, string>;
  labels: Record<string, string>;
  mounts: Mount[];
  /** Memory-backed directories, sizes in bytes; each may hold so many files and folders. */
  tmpfs: { target: string; size: number; files: number; uid: number; mode: number }[];
  workingDir: string;
  limits: {
    memoryBytes: number;
    /** Processes and threads. */
    pids: number;
    /** Cores, may be a fraction. */
    cpus: number;
    openFiles: number;
    /** Largest file that a process may write, in bytes. */
    fileSizeBytes: number;
  };
  /** The session socket: how it gets in is the driver's affair. `dir` holds `session.sock`. */
  socket: { dir: string; target: string };
}

export interface Exit {
  /** Exit code of the first process; 137 when it was killed. */
  code: number;
  outOfMemory: boolean;
  /** The end of what it wrote to stderr, at most 4 kB. */
  stderr: string;
}

export interface SandboxStats {
  memoryBytes: number;
  cpuMillis: number;
  pids: number;
}

export interface Sandbox {
  readonly id: string;
  readonly name: string;
  /** Resolves once, when the container has ended, whoever ended it. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Asks it to end, and kills it after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
  stats(): Promise<SandboxStats>;
}

/** A container that was already running when the host started. */
export interface Survivor {
  labels: Record<string, string>;
  sandbox: Sandbox;
}

export interface SandboxDriver {
  readonly id: string;
  /** Controls of the spec that this driver cannot give, in words. Empty when it gives all. */
  readonly cannot: string[];
  /** The same by the controls of parts/prove/controls.ts: what a container under this runtime goes without, and why. */
  lacks(runtime: string | null): Record<string, string>;
  /** Throws an EngineError with a next step where the engine can't be used. */
  check(): Promise<{ version: string; runtimes: string[] }>;
  start(spec: SandboxSpec): Promise<Sandbox>;
  /** Running containers that carry all these labels; those that have ended are removed. */
  survivors(labels: Record<string, string>): Promise<Survivor[]>;
  /** What `start` would do, for people: the exact command. */
  describe(spec: SandboxSpec): string;
}
