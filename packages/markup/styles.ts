/** The marks of each platform, as its own documentation names them. */
import { asIs, type Style, shown } from "./styled.ts";

const quoted = (lines: string) => lines.replace(/^/gm, "> ");

/** Marks that end a block of program text, inside of it, are kept from doing so. */
const unfenced = (code: string) => code.replaceAll("```", "`\u200b`\u200b`");
const fenced = (code: string, language: string | null) => `\`\`\`${language ?? ""}\n${unfenced(code)}\n\`\`\``;

/** What is wider than this does not widen its column, characters: one long cell would make all rows long. */
const WIDEST = 30;

/** Columns as wide as their widest cell, the heads apart. */
function aligned(rows: string[][]): string {
  const [heads = [], ...others] = rows;
  const widths = heads.map((_, column) =>
    rows.reduce((most, row) => Math.max(most, Math.min(row[column]?.length ?? 0, WIDEST)), 1),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(" | ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("-|-");
  return [line(heads), rule, ...others.map(line)].join("\n");
}

const plain: Style = {
  ...{ strong: ["", ""], emphasis: ["", ""], strike: ["", ""], code: ["", ""] },
  ...{ block: asIs, quote: quoted, link: shown, heading: asIs, bullet: "•", escape: asIs, table: aligned },
};

/** XEP-0393. It has no way to write a mark as a mere character. */
const xmpp: Style = {
  ...{ strong: ["*", "*"], emphasis: ["_", "_"], strike: ["~", "~"], code: ["`", "`"] },
  ...{ block: fenced, quote: quoted, link: shown, bullet: "•", escape: asIs },
  heading: (text) => around("*", text),
  ...{ table: (rows) => fenced(aligned(rows), null), bareCells: true },
};

const whatsapp: Style = {
  ...xmpp,
  block: (code) => fenced(code, null),
};

const entities = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** mrkdwn. What stands in angle brackets is an order to the platform, so none of the text may. */
const slack: Style = {
  ...{ strong: ["*", "*"], emphasis: ["_", "_"], strike: ["~", "~"], code: ["`", "`"] },
  ...{ quote: quoted, bullet: "•", escape: entities },
  verbatim: entities,
  block: (code) => fenced(entities(code), null),
  link(label, url) {
    const address = entities(url.replaceAll("|", "%7C").replace(/\s/g, encodeURIComponent));
    // The label is escaped already; a bar in it would end it.
    return label === "" ? `<${address}>` : `<${address}|${label.replaceAll("|", "¦").replaceAll("\n", " ")}>`;
  },
  heading: (text) => around("*", text),
  ...{ table: (rows) => fenced(entities(aligned(rows)), null), bareCells: true },
};

/** Every character by which something could begin is written as a character. */
const escaped = (text: string) =>
  text
    .replace(/[\\*_~`|<>@[\]]/g, "\\$&")
    .replace(/^[#+-]/gm, "\\$&")
    .replace(/^(\d+)([.)])/gm, "$1\\$2");

const discord: Style = {
  ...{ strong: ["**", "**"], emphasis: ["*", "*"], strike: ["~~", "~~"], code: ["`", "`"] },
  ...{ block: fenced, quote: quoted, bullet: "-", escape: escaped },
  link(label, url) {
    // In angle brackets no preview is made of it.
    const address = `<${url.replace(/[<>\s]/g, encodeURIComponent)}>`;
    return label === "" ? address : `[${label.replaceAll("\n", " ")}](${address})`;
  },
  heading: (text) => around("**", text),
  ...{ table: (rows) => fenced(aligned(rows), null), bareCells: true },
};

const around = (mark: string, text: string) => text.replace(/^.*\S.*$/gm, (line) => mark + line.trim() + mark);

export const styles = { plain, xmpp, slack, discord, whatsapp };
