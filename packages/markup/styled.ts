/** Markdown in a platform's own marks. What a platform has no mark for is shown without one; no word is lost. */
import { type Node, treeOf } from "./tree.ts";

/** What stands before and after. */
export type Marks = [before: string, after: string];

export interface Style {
  strong: Marks;
  emphasis: Marks;
  strike: Marks;
  /** Words of a program inside a line. */
  code: Marks;
  /** A program's text: as the platform shows it. */
  block: (code: string, language: string | null) => string;
  /** Lines that somebody else said, in the platform's marks already. */
  quote: (lines: string) => string;
  /** @param label in the platform's marks already; empty where the address is all that there is */
  link: (label: string, url: string) => string;
  /** Its text has no strong words of its own. */
  heading: (text: string) => string;
  bullet: string;
  /** Running text, so that the platform reads no marks in it. */
  escape: (text: string) => string;
  /** Words of a program inside a line; without it, as they are. */
  verbatim?: (code: string) => string;
  /** The heads first; cells in the platform's marks, or without any and as they are where `bareCells` says so. */
  table: (rows: string[][]) => string;
  bareCells?: true;
}

export const asIs = (text: string) => text;
export const shown = (label: string, url: string) => (label === "" || label === url ? url : `${label} (${url})`);

/** No marks at all. */
const bare: Style = {
  ...{ strong: ["", ""], emphasis: ["", ""], strike: ["", ""], code: ["", ""] },
  ...{ block: asIs, quote: asIs, link: shown, heading: asIs, bullet: "", escape: asIs, table: () => "" },
};

const RULE = "———";

export function styled(markdown: string, style: Style): string {
  const tree = treeOf(markdown);
  return tree ? new Writer(style).blocks(tree) : style.escape(markdown);
}

type MarkName = "strong" | "emphasis" | "strike";
const MARKS: Record<string, MarkName> = { strong_open: "strong", em_open: "emphasis", s_open: "strike" };

class Writer {
  readonly #style: Style;
  /** Marks that are open: one inside itself would close it. */
  readonly #open = new Set<MarkName>();

  constructor(style: Style) {
    this.#style = style;
  }

  blocks(nodes: readonly Node[], between = "\n\n"): string {
    return nodes
      .map((node) => this.#block(node))
      .filter((text) => text !== "")
      .join(between);
  }

  #block({ token, children }: Node): string {
    const { quote, block, heading, table, bullet } = this.#style;
    switch (token.type) {
      case "heading_open": {
        const text = this.#with("strong", () => this.#line(children)).trim();
        return text === "" ? "" : heading(text);
      }
      case "blockquote_open": {
        const text = this.blocks(children);
        return text === "" ? "" : quote(text);
      }
      case "fence":
      case "code_block":
        return block(token.content.replace(/\n$/, ""), /^[\w+#.-]{1,40}$/.exec(token.info.trim())?.[0] ?? null);
      case "bullet_list_open":
        return this.#list(children, () => `${bullet} `);
      case "ordered_list_open": {
        const first = Number(token.attrGet("start") ?? 1);
        return this.#list(children, (index) => `${first + index}. `);
      }
      case "table_open":
        return table(this.#cells(children));
      case "hr":
        return RULE;
      default:
        return this.#line(children);
    }
  }

  #list(items: readonly Node[], markOf: (index: number) => string): string {
    // Between its parts a tight list has no empty line: the parser hides its paragraphs.
    const tight = items.every(({ children }) =>
      children.every(({ token }) => token.hidden || !/^paragraph/.test(token.type)),
    );
    const gap = tight ? "\n" : "\n\n";
    return items.map(({ children }, index) => indented(markOf(index), this.blocks(children, gap))).join(gap);
  }

  #cells(parts: readonly Node[]): string[][] {
    const writer = this.#style.bareCells ? new Writer(bare) : this;
    const rows = parts.flatMap(({ children }) => children);
    return rows.map((row) => row.children.map((cell) => writer.#line(cell.children).replaceAll("\n", " ")));
  }

  #line(nodes: readonly Node[]): string {
    return nodes.map((node) => this.#inline(node)).join("");
  }

  #inline({ token, children }: Node): string {
    const { code, verbatim = asIs, link } = this.#style;
    const mark = MARKS[token.type];
    if (mark) return this.#marked(mark, children);
    switch (token.type) {
      case "text":
        return this.#style.escape(token.content);
      case "code_inline":
        return around(code, verbatim(token.content));
      case "softbreak":
      case "hardbreak":
        return "\n";
      case "link_open": {
        const url = String(token.attrGet("href") ?? "");
        // An address that was written as it is has no other label, and is shown as it was written.
        const written = token.info === "auto" ? textOf(children) : null;
        return written === null ? link(this.#line(children), url) : link("", /^[a-z]+:/i.test(written) ? written : url);
      }
      case "image":
        return link(this.#line(children), String(token.attrGet("src") ?? ""));
      default:
        return this.#line(children);
    }
  }

  #marked(name: MarkName, children: readonly Node[]): string {
    if (this.#open.has(name)) return this.#line(children);
    return this.#with(name, () => around(this.#style[name], this.#line(children)));
  }

  #with(name: MarkName, write: () => string): string {
    const isFirst = !this.#open.has(name);
    this.#open.add(name);
    try {
      return write();
    } finally {
      if (isFirst) this.#open.delete(name);
    }
  }
}

/** Each line has marks of its own, with no blank inside of them: that is what all platforms read. */
function around([before, after]: Marks, text: string): string {
  if (before === "" && after === "") return text;
  return text
    .split("\n")
    .map((line) => {
      const inner = line.trim();
      return inner === "" ? line : line.replace(inner, () => before + inner + after);
    })
    .join("\n");
}

function indented(mark: string, text: string): string {
  return mark + text.replace(/\n(?=[^\n])/g, `\n${" ".repeat(mark.length)}`);
}

function textOf(nodes: readonly Node[]): string {
  return nodes.map(({ token, children }) => token.content + textOf(children)).join("");
}
