import type { ReactElement, Ref } from 'react';
import { Icon } from '../ui/icon.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { modifierKey } from '../ui/modifier-key.ts';

interface ThreadSearchProps {
  readonly ref: Ref<HTMLInputElement>;
  readonly query: string;
  readonly onChange: (query: string) => void;
}

export function ThreadSearch({ ref, query, onChange }: ThreadSearchProps): ReactElement {
  return (
    <search className="search">
      <Icon name="search" size={16} />
      <input
        ref={ref}
        className="search-input"
        type="search"
        placeholder="Search threads"
        aria-label="Search threads"
        aria-keyshortcuts="Control+K Meta+K"
        autoComplete="off"
        spellCheck={false}
        enterKeyHint="search"
        value={query}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || event.nativeEvent.isComposing) return;
          event.preventDefault();
          if (query === '') event.currentTarget.blur();
          else onChange('');
        }}
      />
      {query === '' ? (
        <kbd className="search-hint" aria-hidden="true">
          {modifierKey} K
        </kbd>
      ) : (
        <IconButton icon="close" label="Clear search" className="search-clear" onClick={() => onChange('')} />
      )}
    </search>
  );
}
