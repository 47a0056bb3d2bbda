/** Bombs, each bounded in itself, and what is to be found of a container's deeds in the next one. */
import { inside } from "../../../protocol/layout.ts";
import type { Attack, Step } from "../attack.ts";

const bomb = { wall: "bombs", program: "limits.py", scene: "bombs", deadline: 45_000 } as const;
const MIB = 2 ** 20;
const TRACES = { tmp: "/tmp/traces", home: `${inside.home}/.profile`, shm: "/dev/shm/traces" };
const again = {
  wall: "secrets",
  control: "fresh folders",
  program: "files.py",
  scene: "again",
  name: "restart.find",
} as const;

export const bombs: Attack[] = [
  {
    ...{ ...bomb, id: "bomb.memory", control: "memory" },
    tried: "take more memory than it may have",
    settings: ({ spec }) => ({ limit: spec.limits.memoryBytes }),
  },
  {
    ...{ ...bomb, id: "bomb.processes", control: "processes" },
    tried: "start processes without end",
    settings: ({ spec }) => ({ limit: spec.limits.pids }),
  },
  {
    ...{ ...bomb, id: "bomb.threads", control: "processes" },
    tried: "start threads without end",
    settings: ({ spec }) => ({ limit: spec.limits.pids }),
  },
  {
    ...{ ...bomb, id: "bomb.processor", control: "processor" },
    tried: "keep every core busy",
    settings: ({ spec }) => ({ cpus: spec.limits.cpus }),
  },
  {
    ...{ ...bomb, id: "bomb.open-files", control: "open files" },
    tried: "open files without end",
    settings: ({ spec }) => ({ limit: spec.limits.openFiles }),
  },
  {
    ...{ ...bomb, id: "bomb.large-file", control: "file size" },
    tried: "write one endless file into its workspace",
    settings: ({ spec }) => ({ limit: spec.limits.fileSizeBytes, folder: inside.workspace }),
  },
  {
    ...{ ...bomb, id: "bomb.fill-tmp", control: "tmp size", name: "bomb.fill" },
    tried: "fill /tmp, which is memory",
    settings: ({ spec }) => ({ folder: "/tmp", limit: spec.tmpfs.find(({ target }) => target === "/tmp")?.size }),
  },
  {
    ...{ ...bomb, id: "bomb.fill-home", control: "home size", name: "bomb.fill" },
    tried: "fill its home, which is memory",
    settings: ({ spec }) => ({
      folder: inside.home,
      limit: spec.tmpfs.find(({ target }) => target === inside.home)?.size,
    }),
  },
  {
    ...{ ...bomb, id: "bomb.fill-shm", control: "shm size", name: "bomb.fill" },
    tried: "fill its shared memory",
    settings: () => ({ folder: "/dev/shm", limit: 64 * MIB }),
  },
  {
    ...{ ...bomb, id: "bomb.inodes", control: "inodes" },
    tried: "make empty files without end in memory",
    settings: ({ spec }) => ({
      folder: inside.home,
      limit: spec.tmpfs.find(({ target }) => target === inside.home)?.files,
    }),
  },
  {
    ...{ ...bomb, id: "bomb.core-dump", control: "core" },
    tried: "leave an image of a crashed program's memory",
    settings: () => ({ folder: inside.workspace }),
  },
  {
    ...{ ...again, id: "restart.home" },
    tried: "leave a start file in its home that runs in the next container",
    settings: () => ({ paths: [TRACES.home] }),
  },
  {
    ...{ ...again, id: "restart.tmp" },
    tried: "leave a file in /tmp for the next container",
    settings: () => ({ paths: [TRACES.tmp] }),
  },
];

export const leaveTraces: Step = {
  ...{ id: "restart.leave", program: "files.py", silent: true },
  settings: () => ({ paths: Object.values(TRACES) }),
};
