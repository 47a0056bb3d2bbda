/** Questions to the person. Without a terminal, or with --yes, each answers itself with its default. */
import type { Progress } from "./progress.ts";

export interface Questions {
  /** Whether a person is there to answer. */
  readonly asked: boolean;
  confirm(question: string, fallback: boolean): Promise<boolean>;
  text(question: string, fallback: string): Promise<string>;
  /** Shown as dots. Empty when the person gave none or can't be asked. */
  secret(question: string): Promise<string>;
  choose<T extends string>(question: string, options: { value: T; label: string }[], fallback: T): Promise<T>;
}

export const defaults: Questions = {
  asked: false,
  confirm: async (_question, fallback) => fallback,
  text: async (_question, fallback) => fallback,
  secret: async () => "",
  choose: async (_question, _options, fallback) => fallback,
};

/** Loads the prompts only when the first question is put: the first step runs before they are installed. */
export function terminal(progress: Progress): Questions {
  const prompts = () => {
    progress.pause();
    return import("@clack/prompts");
  };
  const answered = <T>(answer: T): Exclude<T, symbol> => {
    if (typeof answer === "symbol") throw new Error("stopped by you");
    return answer as Exclude<T, symbol>;
  };
  return {
    asked: true,
    confirm: async (message, initialValue) => answered(await (await prompts()).confirm({ message, initialValue })),
    text: async (message, fallback) =>
      answered(await (await prompts()).text({ message, initialValue: fallback })) || fallback,
    secret: async (message) => answered(await (await prompts()).password({ message })) ?? "",
    choose: async (message, options, initialValue) => {
      const { select } = await prompts();
      // The prompt's option type depends on T in a way that generics can't follow; its values are ours.
      const answer = await select<string>({ message, options, initialValue });
      return (options.find(({ value }) => value === answered(answer)) ?? { value: initialValue }).value;
    },
  };
}
