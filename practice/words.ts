/** The longer texts of the practice model. */

export const GREETING =
  'Hello! I have no intelligence, only a few scripted answers, but everything around me is real. Say "/help" to see what I can show.';

export const WELCOME = [
  "Welcome to NanoClaw! Your message went to an agent in a closed container of its own, without a network, and this answer came back the same way.",
  "",
  "No account is set up, so for now these words come from a script on your own machine. `ncl credentials set anthropic` gives the agent a real mind.",
  "",
  'Until then try "what is in the workspace?", "write a note: buy milk", "tell me a story", or "/help" for everything.',
].join("\n");

export const STORY = [
  "Once there was a crab who lived in a small glass bottle at the bottom of the harbour.",
  "The bottle had no lid, only a narrow neck, and through that neck came letters: one at a time, rolled tight.",
  "The crab read each letter twice, thought about it for as long as a wave takes to come and go, and wrote an answer on the back.",
  "Fish came by and asked why it did not swim out and see the sea.",
  '"Because in here", said the crab, "I can break nothing but my own bottle, and so people write to me without fear."',
  "One night a storm turned the whole harbour over.",
  "Boats broke from their ropes, the lighthouse lost its lamp, and the bottle was thrown against the rocks.",
  "The crab lost the letter that it was just answering, and the half of its answer too.",
  "But the harbour master kept a copy of every letter in a dry chest, and when the sea was calm again he rolled it up and sent it down once more.",
  '"This is your second try", he had written on it, "and this much you had done before the storm."',
  "So the crab went on where it had stopped, and nobody got the same answer twice.",
  "In the spring the bottle was green with weed, and the letters came faster than ever.",
  "Some came while the crab was still writing; it read them, too, and put the answers on the same page.",
  'And when somebody called "Enough!" down the neck of the bottle, it put the pen down at once, in the middle of the',
].join(" ");

export function countAloud(to: number): string {
  return Array.from({ length: to }, (_, index) => index + 1).join(" ");
}

/** Longest output of a tool that is shown, in characters. */
const MAX_SHOWN = 4_000;

/** A tool's output as a code block that its own text can't close. */
export function fenced({ text }: { text: string }): string {
  const shown =
    text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}\n… (${text.length - MAX_SHOWN} characters more)` : text;
  const longest = Math.max(2, ...Array.from(shown.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${shown.trimEnd()}\n${fence}`;
}
