/** A place on a platform where messages can be sent: a chat and, where the platform has them, a thread in it. */
export interface Address {
  channel: string;
  chat: string;
  thread: string | null;
}
