import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Link } from './connection/link.ts';
import { LinkContext } from './connection/link-context.ts';
import { returnToView } from './connection/return-path.ts';
import { ConfirmProvider } from './dialog/confirm.tsx';
import { NoticeProvider } from './dialog/notice.tsx';
import { Shell } from './shell/shell.tsx';

const root = document.querySelector('#root');
if (!root) throw new Error('index.html has no #root');

returnToView();
createRoot(root).render(
  <StrictMode>
    <LinkContext value={new Link()}>
      <NoticeProvider>
        <ConfirmProvider>
          <Shell />
        </ConfirmProvider>
      </NoticeProvider>
    </LinkContext>
  </StrictMode>,
);
