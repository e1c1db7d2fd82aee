const qualities = [
  'amber',
  'brave',
  'bright',
  'calm',
  'clever',
  'cosy',
  'curious',
  'eager',
  'gentle',
  'golden',
  'happy',
  'humble',
  'jolly',
  'kind',
  'lively',
  'lucky',
  'mellow',
  'merry',
  'nimble',
  'polite',
  'quiet',
  'silver',
  'sunny',
  'swift',
  'tidy',
  'warm',
  'witty',
  'young',
] as const;
const animals = [
  'badger',
  'beaver',
  'crane',
  'deer',
  'dolphin',
  'finch',
  'fox',
  'gecko',
  'hare',
  'heron',
  'ibis',
  'koala',
  'lark',
  'lynx',
  'marten',
  'mole',
  'otter',
  'owl',
  'panda',
  'puffin',
  'raven',
  'robin',
  'seal',
  'swan',
  'tapir',
  'turtle',
  'wren',
  'yak',
] as const;

/** A name that nobody chose, but that one can remember: `quiet-otter-42`. */
export function friendlyId(): string {
  return `${pick(qualities)}-${pick(animals)}-${10 + Math.floor(Math.random() * 90)}`;
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? 'somebody';
}
