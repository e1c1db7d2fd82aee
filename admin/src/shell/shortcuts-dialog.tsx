import { Fragment, useEffect, useRef } from 'react';
import type { ReactElement } from 'react';
import { pages } from '../route.ts';
import { pageKeys, pageNames } from './page-names.ts';

const others: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['/'], 'Search'],
  [['↓', '↑'], 'Next, previous row (or J, K)'],
  [['Enter'], 'Open the row'],
  [['P'], 'Pause, go on'],
  [['Esc'], 'Close, back to the list'],
  [['?'], 'This list'],
];

/** The keys of the console. */
export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="shortcuts-title" onClose={onClose}>
      <div className="dialog-body">
        <h2 id="shortcuts-title">Keyboard</h2>
        <dl className="shortcuts">
          {pages.map((page) => (
            <Shortcut key={page} keys={['G', pageKeys[page].toUpperCase()]} what={pageNames[page]} />
          ))}
          {others.map(([keys, what]) => (
            <Shortcut key={what} keys={keys} what={what} />
          ))}
        </dl>
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
      </div>
    </dialog>
  );
}

function Shortcut({ keys, what }: { readonly keys: readonly string[]; readonly what: string }): ReactElement {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <Fragment key={key}>
            <kbd>{key}</kbd>{' '}
          </Fragment>
        ))}
      </dt>
      <dd>{what}</dd>
    </div>
  );
}
