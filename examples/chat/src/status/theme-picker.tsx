import { useId } from 'react';
import type { ReactElement } from 'react';
import { Icon } from '../ui/icon.tsx';
import { setTheme, themes, useTheme } from '../ui/theme.ts';

const labels = { system: 'System', light: 'Light', dark: 'Dark' } as const;

export function ThemePicker(): ReactElement {
  const current = useTheme();
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="label">Theme</legend>
      <div className="segments-row">
        {themes.map((theme) => (
          <label key={theme} className="segment">
            <input type="radio" name={name} checked={theme === current} onChange={() => setTheme(theme)} />
            <span>
              <Icon name={theme} size={16} />
              {labels[theme]}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
