import type { Message } from '@threadwire/protocol';

/** As many messages as a responder is given: there may be older ones. */
const maxHistory = 200;

/**
 * What was said in a thread up to a message, as a Markdown table. Later messages do not count, nor does the text of
 * replies, which may still be growing: asked again, it is the same.
 */
export function statisticsTable(message: Message, history: readonly Message[]): string {
  const earlier = history.filter(({ position }) => position < message.position);
  const said = [...earlier, message].filter(({ status }) => status !== 'deleted');
  const byPeople = said.filter(({ role }) => role === 'user');
  const rows: readonly (readonly [string, string])[] = [
    ['Messages', String(byPeople.length)],
    ['Replies', String(said.filter(({ role }) => role === 'assistant').length)],
    ['Words', String(byPeople.reduce((sum, { content }) => sum + countWords(content), 0))],
    ['People', String(new Set(byPeople.map(({ sender }) => sender.id)).size)],
    ['Busiest hour', busiestHour(byPeople)],
  ];
  const title = earlier.length < maxHistory ? 'In this thread' : `Of the last ${maxHistory + 1} messages`;
  return [`| ${title} | |`, '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}

function countWords(text: string): number {
  return text.match(/\S+/gu)?.length ?? 0;
}

/** The hour of the day in which most was written, the first of them where there are several. */
function busiestHour(messages: readonly Message[]): string {
  if (messages.length === 0) return 'none';
  const counts = Array.from({ length: 24 }, () => 0);
  for (const { created_at: at } of messages) counts[new Date(at).getUTCHours()]! += 1;
  const hour = counts.indexOf(Math.max(...counts));
  return `${twoDigits(hour)}:00 to ${twoDigits(hour + 1)}:00 UTC`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
