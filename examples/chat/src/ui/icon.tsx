import type { ReactElement } from 'react';

/** Drawn on 20 by 20, in the colour of the text. */
const shapes = {
  plus: 'M10 4v12M4 10h12',
  search: 'M9 15a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM13.5 13.5 17 17',
  back: 'M12 4.5 6.5 10l5.5 5.5',
  send: 'M10 16V4.5M5 9.5l5-5 5 5',
  down: 'M10 4v11.5M5 10.5l5 5 5-5',
  pencil: 'M4 16l.8-3.4L13.2 4.2a1.4 1.4 0 0 1 2 0l.6.6a1.4 1.4 0 0 1 0 2L7.4 15.2 4 16Z',
  trash:
    'M4 6h12M8 6V4.2c0-.4.3-.7.7-.7h2.6c.4 0 .7.3.7.7V6M5.5 6l.7 9.3c0 .7.6 1.2 1.3 1.2h5c.7 0 1.2-.5 1.3-1.2L14.5 6M8.5 9v4.5M11.5 9v4.5',
  copy: 'M7.5 7.5V5c0-.8.7-1.5 1.5-1.5h6c.8 0 1.5.7 1.5 1.5v6c0 .8-.7 1.5-1.5 1.5h-2.5M5 7.5h6c.8 0 1.5.7 1.5 1.5v6c0 .8-.7 1.5-1.5 1.5H5c-.8 0-1.5-.7-1.5-1.5V9c0-.8.7-1.5 1.5-1.5Z',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 6.2V10l2.5 1.8',
  alert: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 6.5v4.2M10 13.4v.1',
  lock: 'M6 9V6.8a4 4 0 0 1 8 0V9M5.5 9h9c.6 0 1 .4 1 1v5.5c0 .6-.4 1-1 1h-9a1 1 0 0 1-1-1V10c0-.6.4-1 1-1Z',
  people:
    'M8 9.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5ZM3 16c.3-2.7 2.3-4.2 5-4.2s4.7 1.5 5 4.2M13 4.3a2.6 2.6 0 0 1 0 5M14.5 12.2c1.6.5 2.5 1.8 2.7 3.8',
  window: 'M11 4h5v5M16 4l-6.5 6.5M8.5 5H5a1 1 0 0 0-1 1v9c0 .6.4 1 1 1h9c.6 0 1-.4 1-1v-3.5',
  close: 'M5 5l10 10M15 5 5 15',
  updown: 'M6.5 8 10 4.5 13.5 8M6.5 12l3.5 3.5 3.5-3.5',
  system: 'M4 4.5h12c.6 0 1 .4 1 1V12c0 .6-.4 1-1 1H4a1 1 0 0 1-1-1V5.5c0-.6.4-1 1-1ZM7 16.5h6M10 13v3.5',
  light:
    'M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM10 2.5v1.7M10 15.8v1.7M2.5 10h1.7M15.8 10h1.7M4.7 4.7l1.2 1.2M14.1 14.1l1.2 1.2M4.7 15.3l1.2-1.2M14.1 5.9l1.2-1.2',
  dark: 'M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3Z',
  stop: 'M6 6h8v8H6Z',
  image:
    'M4.5 4h11c.6 0 1 .4 1 1v10c0 .6-.4 1-1 1h-11a1 1 0 0 1-1-1V5c0-.6.4-1 1-1ZM3.5 13.5 7.5 10l3 2.7 2.5-2 3.5 3M12.8 7.6v.1',
  tool: 'M12.5 3.6a4 4 0 0 0-4.2 5.3L3.6 13.6a1.7 1.7 0 0 0 2.4 2.4l4.8-4.7a4 4 0 0 0 5.2-4.8l-2.3 2.3-2.3-.6-.6-2.3 1.7-2.3Z',
  agent: 'M10 3l1.6 4.4L16 9l-4.4 1.6L10 15l-1.6-4.4L4 9l4.4-1.6L10 3ZM15.5 13.5l.6 1.6 1.6.6-1.6.6-.6 1.6',
  chats:
    'M4.5 3.5h8c.8 0 1.5.7 1.5 1.5v4.5c0 .8-.7 1.5-1.5 1.5H8l-3 2.5V11h-.5c-.8 0-1.5-.7-1.5-1.5V5c0-.8.7-1.5 1.5-1.5ZM16.5 8.5c.3.3.5.6.5 1V13c0 .8-.6 1.5-1.4 1.5H15V17l-3-2.5H9.5',
} as const;

export type IconName = keyof typeof shapes;

/** Decoration: what it stands beside, or the button around it, has the name. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }): ReactElement {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}
