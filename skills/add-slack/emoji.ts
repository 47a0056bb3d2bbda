/** What Slack calls the emoji that people react with. It takes names only. */

/** Emoji and name, by turns. */
const NAMES = `
👍 +1 👎 -1 ❤ heart 🎉 tada 👀 eyes 🤔 thinking_face ✅ white_check_mark 🙏 pray 🔥 fire 😄 smile 😀 grinning 😃 smiley
😁 grin 😆 laughing 😅 sweat_smile 😂 joy 🤣 rolling_on_the_floor_laughing 🙂 slightly_smiling_face 🙃 upside_down_face
😉 wink 😊 blush 😇 innocent 😍 heart_eyes 🥰 smiling_face_with_3_hearts 😘 kissing_heart 😋 yum 😛 stuck_out_tongue
😜 stuck_out_tongue_winking_eye 🤪 zany_face 🤗 hugging_face 🤭 face_with_hand_over_mouth 🤫 shushing_face
🤨 face_with_raised_eyebrow 😐 neutral_face 😑 expressionless 😶 no_mouth 😏 smirk 😒 unamused 🙄 face_with_rolling_eyes
😬 grimacing 😌 relieved 😔 pensive 😪 sleepy 😴 sleeping 🤒 face_with_thermometer 🤢 nauseated_face 🤯 exploding_head
🥳 partying_face 😎 sunglasses 🤓 nerd_face 🧐 face_with_monocle 😕 confused 😟 worried 🙁 slightly_frowning_face
😮 open_mouth 😯 hushed 😲 astonished 😳 flushed 🥺 pleading_face 😨 fearful 😰 cold_sweat 😢 cry 😭 sob 😱 scream
😞 disappointed 😓 sweat 😩 weary 😫 tired_face 🥱 yawning_face 😤 triumph 😡 rage 😠 angry 💀 skull 💩 hankey 🤖 robot_face
👋 wave 🤚 raised_back_of_hand ✋ hand 👌 ok_hand ✌ v 🤞 crossed_fingers 🤝 handshake 👏 clap 🙌 raised_hands 💪 muscle
👉 point_right 👈 point_left 👆 point_up_2 👇 point_down ☝ point_up ✍ writing_hand 🫡 saluting_face 🤷 shrug 🤦 face_palm
🧡 orange_heart 💛 yellow_heart 💚 green_heart 💙 blue_heart 💜 purple_heart 🖤 black_heart 💔 broken_heart 💯 100
💥 boom 💡 bulb 💤 zzz ⭐ star 🌟 star2 ✨ sparkles ⚡ zap ☀ sunny 🌈 rainbow ☕ coffee 🍕 pizza 🎂 birthday 🎁 gift
🏆 trophy 🚀 rocket ⏳ hourglass_flowing_sand ⌛ hourglass ⏰ alarm_clock 📌 pushpin 📎 paperclip 📝 memo 📅 date 📈 chart_with_upwards_trend
🔍 mag 🔒 lock 🔑 key 🔔 bell 🐛 bug 🛠 hammer_and_wrench ⚠ warning 🚫 no_entry_sign ❌ x ✔ heavy_check_mark ➕ heavy_plus_sign
❓ question ❗ exclamation 🆗 ok 🔁 repeat 💬 speech_balloon 🤐 zipper_mouth_face 🐶 dog 🐱 cat 🦀 crab 🌱 seedling
`;

const words = NAMES.trim().split(/\s+/);
const BY_EMOJI = new Map(
  words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? ""] as const] : [])),
);

/** @returns Slack's name of an emoji, or of one that was given by name; null where we know none */
export function emojiName(emoji: string): string | null {
  const named = /^:?([a-z0-9_+'-]{1,100}):?$/i.exec(emoji)?.[1];
  if (named) return named.toLowerCase();
  // The coloured form and the colour of a skin are the same reaction.
  return BY_EMOJI.get(emoji.replace(/[\uFE0F\u{1F3FB}-\u{1F3FF}]/gu, "")) ?? null;
}
