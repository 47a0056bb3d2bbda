/** Figures of a benchmark: percentiles of samples, shown as a table or as JSON. */

export interface Row {
  metric: string;
  unit: string;
  /** One figure, or percentiles of many. */
  value?: number;
  p50?: number;
  p95?: number;
  p99?: number;
  samples?: number;
  /** What the figure should be at most, where there is an aim. */
  aim?: string;
}

export interface Section {
  name: string;
  rows: Row[];
}

/** @param samples in any order; at least one */
export function percentiles(metric: string, unit: string, samples: number[], aim?: string): Row {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  const row: Row = { metric, unit, p50: at(0.5), p95: at(0.95), p99: at(0.99), samples: samples.length };
  return aim ? { ...row, aim } : row;
}

export const single = (metric: string, unit: string, value: number, aim?: string): Row =>
  aim ? { metric, unit, value: round(value), aim } : { metric, unit, value: round(value) };

/** Milliseconds since the epoch with the resolution of the monotonic clock: the same in every process of a machine. */
export const wallClock = () => performance.timeOrigin + performance.now();

export function table(sections: Section[]): string {
  return sections
    .map(({ name, rows }) => {
      const cells = rows.map((row) => [
        row.metric,
        row.value === undefined ? `${row.p50} / ${row.p95} / ${row.p99}` : String(row.value),
        row.unit,
        row.samples ? `n=${row.samples}` : "",
        row.aim ? `aim ${row.aim}` : "",
      ]);
      const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
      const lines = cells.map((line) =>
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
      );
      return `${name}\n${lines.map((line) => `  ${line}`).join("\n")}`;
    })
    .join("\n\n");
}

const round = (value: number) => Math.round(value * 100) / 100;
