/** Markdown as HTML for mail: no tags but the parser's own, no addresses but of the web and of mail, nothing that is fetched. */
import { reader, tokensOf } from "./tree.ts";

// A mail program would fetch a picture: a link leads to it.
reader.renderer.rules.image = (tokens, index, options, env, self) => {
  const token = tokens[index];
  const label = self.renderInlineAsText(token?.children ?? [], options, env) || "picture";
  const { escapeHtml } = reader.utils;
  return `<a href="${escapeHtml(String(token?.attrGet("src") ?? ""))}">${escapeHtml(label)}</a>`;
};

export function html(markdown: string): string {
  const tokens = tokensOf(markdown);
  if (tokens) return reader.renderer.render(tokens, reader.options, {});
  return `<p>${reader.utils.escapeHtml(markdown)}</p>\n`;
}
