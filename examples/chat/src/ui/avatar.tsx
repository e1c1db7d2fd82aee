import type { Role } from '@threadwire/client';
import type { CSSProperties, ReactElement } from 'react';
import { Icon } from './icon.tsx';
import type { IconName } from './icon.tsx';

interface AvatarProps {
  readonly id: string;
  readonly name?: string | undefined;
  /** Whoever is not a person has a sign instead of initials. */
  readonly role?: Role;
  readonly size?: 'small' | 'medium';
}

const signs: Readonly<Record<Role, IconName | undefined>> = {
  user: undefined,
  assistant: 'agent',
  system: 'system',
  tool: 'tool',
};

/** A person's initials on a colour that is always theirs. Decoration: the name stands beside it. */
export function Avatar({ id, name = id, role = 'user', size = 'medium' }: AvatarProps): ReactElement {
  const sign = signs[role];
  const style = { '--hue': hueOf(id) } as CSSProperties;
  return (
    <span className="avatar" data-size={size} data-role={role} style={style} aria-hidden="true">
      {sign ? <Icon name={sign} size={size === 'small' ? 16 : 20} /> : initialsOf(name)}
    </span>
  );
}

function initialsOf(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter((word) => /^\p{L}/u.test(word));
  const [first = name, second] = words;
  const initials = second === undefined ? [...first].slice(0, 2) : [[...first][0], [...second][0]];
  return initials.join('').toUpperCase();
}

/** Hues far enough apart to be told from each other. */
const hues = [12, 45, 75, 110, 145, 175, 205, 235, 265, 290, 320, 345] as const;

function hueOf(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i += 1) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0;
  return hues[(hash ^ (hash >>> 15)) % hues.length] ?? 265;
}
