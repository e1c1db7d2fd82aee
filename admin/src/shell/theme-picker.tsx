import { useId } from 'react';
import type { ReactElement } from 'react';
import { Icon } from '../ui/icon.tsx';
import { setTheme, themes, useTheme } from '../ui/theme.ts';

const labels = { system: 'Theme of the system', light: 'Light theme', dark: 'Dark theme' } as const;

export function ThemePicker(): ReactElement {
  const current = useTheme();
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="visually-hidden">Theme</legend>
      {themes.map((theme) => (
        <label key={theme} className="segment" title={labels[theme]}>
          <input
            type="radio"
            name={name}
            aria-label={labels[theme]}
            checked={theme === current}
            onChange={() => setTheme(theme)}
          />
          <span>
            <Icon name={theme} size={16} />
          </span>
        </label>
      ))}
    </fieldset>
  );
}
