/** Shows how a run gets on: one line that moves and counts on a terminal, plain lines elsewhere. */

export interface Progress {
  begin(title: string): void;
  /** What the step is at now, in one line. */
  activity(text: string): void;
  /** A line that a command said: shown where it can be taken back, in the log anyway. */
  passing(text: string): void;
  end(ok: boolean, text: string): void;
  /** Stops drawing while something else has the terminal; the next activity goes on. */
  pause(): void;
}

interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const FRAME_MS = 100;
const ERASE_LINE = "\r\u001b[2K";

export function progressOn(output: Output): Progress {
  return output.isTTY ? movingLine(output) : plainLines(output);
}

/** Seconds for people: "0.4 s", "12 s", "1 min 5 s". */
export function elapsed(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function plainLines(output: Output): Progress {
  let title = "";
  let began = 0;
  return {
    begin(text) {
      title = text;
      began = performance.now();
    },
    activity: (text) => void output.write(`${title}: ${text}\n`),
    passing() {},
    end: (ok, text) =>
      void output.write(`${title}: ${ok ? "" : "FAILED: "}${text} (${elapsed(performance.now() - began)})\n`),
    pause() {},
  };
}

function movingLine(output: Output): Progress {
  let title = "";
  let text = "";
  let began = 0;
  let frame = 0;
  let timer: NodeJS.Timeout | null = null;
  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    const time = elapsed(performance.now() - began);
    const line = `${FRAMES[frame]} ${title}${text && ": "}${text}`;
    output.write(`${ERASE_LINE}${line.slice(0, (output.columns ?? 80) - time.length - 4)} (${time})`);
  };
  const pause = () => {
    if (!timer) return;
    clearInterval(timer);
    timer = null;
    output.write(ERASE_LINE);
  };
  const activity = (now: string) => {
    text = now;
    timer ??= setInterval(draw, FRAME_MS);
  };
  return {
    begin(heading) {
      [title, text, began] = [heading, "", performance.now()];
      timer ??= setInterval(draw, FRAME_MS);
    },
    activity,
    passing: activity,
    end(ok, result) {
      pause();
      output.write(`${ERASE_LINE}${ok ? "✓" : "✗"} ${title}: ${result} (${elapsed(performance.now() - began)})\n`);
    },
    pause,
  };
}
