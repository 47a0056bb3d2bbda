/** Results of verbs as text: tables, lists of keys and values, units. Pure; every string in it is made safe. */
import { oneLine, plain, widthOf } from "./text.ts";

/** The part of a JSON schema that decides how a value looks. */
export interface Shape {
  unit?: string;
  properties?: Record<string, Shape>;
  items?: Shape;
  anyOf?: Shape[];
}

/** How wide a cell of a table may be, in columns. */
const MAX_CELL = 60;

/** @param shape names the columns and units; what it leaves out is taken from the value. */
export function show(value: unknown, shape: Shape = {}): string {
  if (Array.isArray(value)) return table(value, shape.items ?? {});
  if (!isRecord(value)) return `${cell(value, shape)}\n`;
  return Object.keys(value).length === 1 && value.done === true ? "done\n" : `${fields(value, shape, "").join("\n")}\n`;
}

function table(rows: unknown[], shape: Shape): string {
  if (rows.length === 0) return "none\n";
  if (!rows.every(isRecord)) return rows.map((row) => `${cell(row, shape)}\n`).join("");
  const columns = Object.keys(shape.properties ?? rows[0] ?? {});
  return grid(
    columns.map(heading),
    rows.map((row) => columns.map((column) => oneLine(cell(row[column], shape.properties?.[column] ?? {}), MAX_CELL))),
  );
}

/** Aligned columns under a heading. */
export function grid(header: string[], rows: string[][]): string {
  const widths = header.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column] ?? "")].map(widthOf)),
  );
  const line = (cells: string[]) =>
    cells
      .map((text, column) => text + " ".repeat((widths[column] ?? 0) - widthOf(text)))
      .join("  ")
      .trimEnd();
  return `${[header, ...rows].map(line).join("\n")}\n`;
}

function fields(value: Record<string, unknown>, shape: Shape, indent: string): string[] {
  const width = Math.max(...Object.keys(value).map((key) => heading(key).length));
  return Object.entries(value).flatMap(([key, inner]) => {
    const innerShape = shape.properties?.[key] ?? {};
    const name = indent + heading(key).padEnd(width);
    if (isRecord(inner) && Object.keys(inner).length > 0) {
      return [indent + heading(key), ...fields(inner, innerShape, `${indent}  `)];
    }
    if (Array.isArray(inner) && inner.some(isRecord)) {
      const lines = table(inner, innerShape.items ?? {})
        .trimEnd()
        .split("\n");
      return [indent + heading(key), ...lines.map((line) => `${indent}  ${line}`)];
    }
    return [`${name}  ${cell(inner, innerShape)}`];
  });
}

/** "nextAt" -> "next at" */
const heading = (key: string) => plain(key).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function cell(value: unknown, shape: Shape): string {
  const unit = shape.unit ?? shape.anyOf?.find((option) => option.unit)?.unit;
  if (value === null || value === undefined || value === "") return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number" && unit === "time") return moment(value);
  if (typeof value === "number" && unit === "bytes") return `${(value / 1e6).toFixed(1)} MB`;
  if (typeof value === "string") return plain(value);
  return Array.isArray(value) ? value.map((item) => cell(item, {})).join(", ") || "-" : plain(JSON.stringify(value));
}

/** Local time, to the second. @param at milliseconds since the epoch */
export function moment(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", " ");
}

/** "3 d 4 h", "5 min", "12 s": two units at most. @param ms a duration in milliseconds */
export function duration(ms: number): string {
  const parts: [number, string][] = [
    [Math.floor(ms / 86_400_000), "d"],
    [Math.floor(ms / 3_600_000) % 24, "h"],
    [Math.floor(ms / 60_000) % 60, "min"],
    [Math.floor(ms / 1000) % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
