/** A place on a platform where messages can be sent: a chat and, where the platform has them, a thread in it. */
export interface Address {
  channel: string;
  chat: string;
  thread: string | null;
}

/** The place of something that has one, and nothing else of it. */
export const addressOf = ({ channel, chat, thread }: Address): Address => ({ channel, chat, thread });
