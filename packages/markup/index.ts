/**
 * One dialect of Markdown, which agents write, to what each platform shows. Nothing is forged by a text: what it has is
 * shown as text where the platform would read an order in it, and no word of it is lost.
 */
import { styled } from "./styled.ts";
import { styles } from "./styles.ts";

export { html } from "./html.ts";
export { styled, styles };

/** Without any marks, for platforms that have none. */
export const plain = (markdown: string): string => styled(markdown, styles.plain);
