/** What people see of a text in Slack's markup: links by their label, marks as form, escapes as the signs that they are. */

export function visibleText(mrkdwn: string): string {
  return mrkdwn
    .replace(/<([^<>|]*)(?:\|([^<>]*))?>/g, (_, target: string, label: string | undefined) => label ?? target)
    .replace(/(^|[\s(])([*_~])(\S|\S[^\n]*?\S)\2(?=$|[\s).,!?:])/g, "$1$3")
    .replaceAll("`", "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** What Slack would act on: mentions of people, groups and everybody. */
export const callsIn = (mrkdwn: string): string[] => mrkdwn.match(/<[@!#][^<>]*>/g) ?? [];
