/** What is sent, as Slack wants it: pure functions from a message of the host to the fields of a request. */
import type { KnownBlock } from "@slack/web-api";
import { styled, styles } from "../../packages/markup/index.ts";
import { splitText } from "../../packages/split-text/index.ts";
import type { Button, OutgoingMessage } from "../../src/channels/channel.ts";
import type { Address } from "../../src/store/address.ts";

/** Slack cuts a longer text off without a word, characters. */
const MOST_TEXT = 39_000;
/** Slack's limits for the text of one block, and the label of a button. */
const MOST_BLOCK = 3_000;
const MOST_LABEL = 75;
/** Pieces of a text for blocks are no shorter than this. */
const LEAST_PIECE = 64;

/** Between < and > stands what Slack acts on; only links may. */
const NO_LINK = /<(?!(?:https?:\/\/|mailto:)[^<>|\s]+(?:\|[^<>]*)?>)/g;

/**
 * Markdown in Slack's markup. Whatever was written, and whatever became of it, nothing in it calls a person, a group or
 * everybody.
 */
export function mrkdwn(markdown: string): string {
  const text = styled(markdown, styles.slack);
  // What grew out of bounds, as a table may, goes as it was written: at most five times as long.
  return (text.length > MOST_TEXT ? styles.slack.escape(markdown) : text).replace(NO_LINK, "&lt;");
}

/** Text and blocks of a message. What the host itself says is small and grey, unless it is a question. */
export function contentOf({ text, author, buttons }: OutgoingMessage): { text: string; blocks: KnownBlock[] } {
  const whole = mrkdwn(text);
  const asks = buttons.length > 0;
  if (!asks && author === "agent") return { text: whole, blocks: [] };
  const blocks = piecesOf(text).map(asks ? section : aside);
  return { text: shortened(whole), blocks: asks ? [...blocks, actions(buttons)] : blocks };
}

/** Beside blocks the text is for notices on a screen that is locked; Slack lets no longer one be changed. */
const shortened = (text: string) =>
  text
    .slice(0, MOST_BLOCK)
    .replace(/(&[a-z]{0,4}|<[^<>]*)$/, "")
    .toWellFormed();

/** A text in as few pieces as fit into blocks. */
function piecesOf(markdown: string): string[] {
  for (let limit = MOST_BLOCK; ; limit = Math.max(limit >> 1, LEAST_PIECE)) {
    const pieces = splitText(markdown, limit).map(mrkdwn);
    if (pieces.every(({ length }) => length <= MOST_BLOCK) || limit === LEAST_PIECE) return pieces;
  }
}

const section = (text: string): KnownBlock => ({ type: "section", text: { type: "mrkdwn", text }, expand: true });

const aside = (text: string): KnownBlock => ({ type: "context", elements: [{ type: "mrkdwn", text }] });

const actions = (buttons: Button[]): KnownBlock => ({
  type: "actions",
  elements: buttons.map(({ label, value }, index) => ({
    type: "button",
    action_id: `nanoclaw-${index}`,
    text: { type: "plain_text", text: label.slice(0, MOST_LABEL).toWellFormed(), emoji: false },
    value,
  })),
});

/** A preview is made by a request of Slack's to the address: an agent must not cause requests by what it says. */
export const NO_PREVIEW = { unfurl_links: false, unfurl_media: false };

/** Names in plain words stay words. A change needs it said again: Slack's defaults differ there. */
export const AS_WRITTEN = { parse: "none", link_names: false } as const;

export const threadOf = ({ thread }: Address) => (thread === null ? {} : { thread_ts: thread });
