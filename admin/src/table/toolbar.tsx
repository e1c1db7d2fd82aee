import type { ReactElement, ReactNode } from 'react';
import { Icon } from '../ui/icon.tsx';

/** What stands above a table: search and filters, then what there is and what can be done with it. */
export function Toolbar({ children, label }: { readonly children: ReactNode; readonly label: string }): ReactElement {
  return (
    <div className="toolbar" role="group" aria-label={label}>
      {children}
    </div>
  );
}

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function SearchField({ label, value, onChange }: SearchFieldProps): ReactElement {
  return (
    <div className="search">
      <Icon name="search" size={15} />
      <input
        type="search"
        className="search-input"
        aria-label={label}
        placeholder={label}
        maxLength={200}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          // First it empties the field, then it leaves it.
          if (value === '') event.currentTarget.blur();
          else onChange('');
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <kbd className="search-key" aria-hidden="true">
        /
      </kbd>
    </div>
  );
}

interface SelectFieldProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, name: string])[];
  readonly onChange: (value: string) => void;
}

export function SelectField({ label, value, options, onChange }: SelectFieldProps): ReactElement {
  return (
    <select className="select" aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      {options.map(([option, name]) => (
        <option key={option} value={option}>
          {name}
        </option>
      ))}
    </select>
  );
}

export function PauseButton({
  isPaused,
  onChange,
}: {
  readonly isPaused: boolean;
  readonly onChange: (isPaused: boolean) => void;
}): ReactElement {
  return (
    <button
      type="button"
      className="button pause"
      data-shortcut="pause"
      aria-pressed={isPaused}
      title="Holds what is shown as it is (P)"
      onClick={() => onChange(!isPaused)}
    >
      <Icon name={isPaused ? 'play' : 'pause'} size={15} />
      {isPaused ? 'Paused' : 'Pause'}
    </button>
  );
}
