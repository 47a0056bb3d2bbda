/** Puts the pictures of an album together, which Telegram tells of one by one: the first message has the others in `others`. */
import { z } from "zod";

const piece = z.looseObject({
  message: z.looseObject({ media_group_id: z.string().min(1), chat: z.looseObject({ id: z.number() }) }),
});

export interface Numbered {
  update_id: number;
}

/** An update, or an album's, with the number of its last piece. */
export interface Joined {
  update: Numbered;
  last: number;
}

/** @param updates in the order of their numbers */
export function joinAlbums(updates: Numbered[]): Joined[] {
  const joined: (Joined & { album: string | null; others: unknown[] })[] = [];
  for (const update of updates) {
    const album = albumOf(update);
    const before = joined.at(-1);
    if (album && before?.album === album.name) {
      before.others.push(album.message);
      before.last = update.update_id;
    } else joined.push({ update, last: update.update_id, album: album?.name ?? null, others: [] });
  }
  return joined.map(({ update, last, others }) => {
    const first = albumOf(update);
    return { update: first ? { ...update, message: { ...first.message, others } } : update, last };
  });
}

/** Whether more of its last album may be on its way. */
export function endsWithAlbum(updates: Numbered[]): boolean {
  const last = updates.at(-1);
  return last !== undefined && albumOf(last) !== null;
}

function albumOf(update: Numbered) {
  const { data } = piece.safeParse(update);
  return data ? { name: `${data.message.chat.id}:${data.message.media_group_id}`, message: data.message } : null;
}
