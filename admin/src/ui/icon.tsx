import type { ReactElement } from 'react';

/** Drawn on 20 by 20, in the colour of the text. */
const shapes = {
  overview: 'M3 11h3.2l2-5.5 3.4 9L13.8 11H17',
  threads: 'M4 5.5h12M4 10h9M4 14.5h6',
  streams: 'M3 7c2.3-2.4 4.7-2.4 7 0s4.7 2.4 7 0M3 13c2.3-2.4 4.7-2.4 7 0s4.7 2.4 7 0',
  connections: 'M7.5 12.5l5-5M8.6 6.4l1.5-1.5a3.5 3.5 0 0 1 5 5l-1.5 1.5M11.4 13.6l-1.5 1.5a3.5 3.5 0 0 1-5-5l1.5-1.5',
  errors: 'M10 3.5 17 16H3L10 3.5ZM10 8.5v3.4M10 13.8v.1',
  actions: 'M11 3 5 11.2h4.5L9 17l6-8.2h-4.5L11 3Z',
  audit: 'M6 3.5h8c.6 0 1 .4 1 1v11c0 .6-.4 1-1 1H6c-.6 0-1-.4-1-1v-11c0-.6.4-1 1-1ZM8 7.5h4M8 10.5h4M8 13.5h2',
  search: 'M9 15a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM13.5 13.5 17 17',
  alert: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 6.5v4.2M10 13.4v.1',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  close: 'M5 5l10 10M15 5 5 15',
  menu: 'M3.5 6h13M3.5 10h13M3.5 14h13',
  download: 'M10 3.5v8.5M6.5 8.8 10 12.3l3.5-3.5M4 16h12',
  pause: 'M7.5 5v10M12.5 5v10',
  play: 'M7 4.8v10.4L15 10 7 4.8Z',
  window: 'M11 4h5v5M16 4l-6.5 6.5M8.5 5H5a1 1 0 0 0-1 1v9c0 .6.4 1 1 1h9c.6 0 1-.4 1-1v-3.5',
  leave: 'M8 4H5a1 1 0 0 0-1 1v10c0 .6.4 1 1 1h3M8.5 10H17M13.8 6.8 17 10l-3.2 3.2',
  keyboard:
    'M3.5 5.5h13c.6 0 1 .4 1 1v7c0 .6-.4 1-1 1h-13c-.6 0-1-.4-1-1v-7c0-.6.4-1 1-1ZM5.5 8.5h.1M8.5 8.5h.1M11.5 8.5h.1M14.5 8.5h.1M7 11.5h6',
  system: 'M4 4.5h12c.6 0 1 .4 1 1V12c0 .6-.4 1-1 1H4a1 1 0 0 1-1-1V5.5c0-.6.4-1 1-1ZM7 16.5h6M10 13v3.5',
  light:
    'M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM10 2.5v1.7M10 15.8v1.7M2.5 10h1.7M15.8 10h1.7M4.7 4.7l1.2 1.2M14.1 14.1l1.2 1.2M4.7 15.3l1.2-1.2M14.1 5.9l1.2-1.2',
  dark: 'M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3Z',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 6.2V10l2.5 1.8',
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
