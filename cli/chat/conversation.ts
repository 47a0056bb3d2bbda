/** What a terminal knows of a chat: pure state, changed by events, and the news that each event brings. */
import type { ChatEvent } from "../../api/results.ts";
import type { FollowEvent } from "./follow.ts";

export type Message = Extract<ChatEvent, { type: "message" }>;

export interface Conversation {
  /** The host answers. */
  connected: boolean;
  /** Numbers of the person's messages that are not dealt with yet. */
  open: number[];
  /** What was typed here and is not in the log yet. */
  unsent: { text: string }[];
  /** What the agent is writing and doing. */
  draft: { text: string; activity: string };
}

/** Something that is shown once and stays. */
export type News = { kind: "message"; message: Message } | { kind: "activity"; text: string };

const silence = { text: "", activity: "" };

export const newConversation: Conversation = { connected: true, open: [], unsent: [], draft: silence };

/** Whether there is something to stop. */
export const isWorking = (state: Conversation) =>
  state.open.length > 0 || state.draft.text !== "" || state.draft.activity !== "";

export function take(state: Conversation, event: FollowEvent): { state: Conversation; news: News[] } {
  switch (event.type) {
    case "lost":
      return { state: { ...state, connected: false, draft: silence }, news: [] };
    case "idle":
      return { state: { ...state, connected: true }, news: [] };
    case "draft": {
      const { text, activity } = event;
      const isNew = activity !== "" && activity !== state.draft.activity;
      return {
        state: { ...state, connected: true, draft: { text, activity } },
        news: isNew ? [{ kind: "activity", text: activity }] : [],
      };
    }
    case "message":
      return {
        state: { ...state, ...afterMessage(state, event), connected: true },
        news: [{ kind: "message", message: event }],
      };
  }
}

function afterMessage(state: Conversation, message: Message): Partial<Conversation> {
  if (message.author === "person") {
    const sent = state.unsent.findIndex((one) => one.text === message.text);
    return {
      open: [...state.open, message.n],
      unsent: sent < 0 ? state.unsent : state.unsent.toSpliced(sent, 1),
    };
  }
  return { open: state.open.filter((n) => !message.answers.includes(n)), draft: silence };
}
