/** Chats as people write them, `channel:chat`: checked before anything is looked up or made by that name. */
import { Misuse } from "../../src/lib/errors.ts";
import type { MessagingGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";

export interface ChatName {
  channel: string;
  chat: string;
}

const MOST = 300;
/** What can't be seen, or can't be told from a space. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]|^\s|\s$|[^\S ]/u;

/** @throws Misuse with what is wrong with it */
export function chatNamed(name: string): ChatName {
  const [, channel, chat] = /^([a-z][a-z0-9-]{0,39}):(.+)$/s.exec(name) ?? [];
  const wrong = channel && chat ? problemOf(chat) : "it is not written as channel:chat";
  if (!channel || !chat || wrong)
    throw new Misuse(`${JSON.stringify(name)} can't be a chat: ${wrong}`, "Such as telegram:-100123.");
  return { channel, chat };
}

function problemOf(chat: string): string | null {
  if (chat.length > MOST) return `it is longer than ${MOST} characters`;
  if (UNSEEN.test(chat)) return "it has characters that can't be seen";
  if (chat.normalize("NFKC") !== chat) return "it has characters that only look like others";
  if (/\p{Script=Latin}/u.test(chat) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(chat))
    return "it mixes letters that look alike";
  if (/(^|[/\\])\.{0,2}([/\\]|$)/.test(chat)) return "it has parts of a path";
  return null;
}

export function allRooms({ db, groups }: Store): MessagingGroup[] {
  return db
    .all<ChatName>("SELECT channel, chat FROM messaging_groups ORDER BY channel, chat")
    .flatMap(({ channel, chat }) => groups.messagingGroup(channel, chat) ?? []);
}

/** A chat that the host knows. @throws Misuse for any other */
export function roomAt(store: Store, name: string): MessagingGroup {
  const { channel, chat } = chatNamed(name);
  const room = store.groups.messagingGroup(channel, chat);
  if (!room) throw new Misuse(`the chat "${name}" is not known`, "`ncl messaging-groups list` shows the chats.");
  return room;
}
