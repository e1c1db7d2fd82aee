import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { SessionStore } from './session/session-store.ts';

const root = document.querySelector('#root');
if (!root) throw new Error('index.html has no #root');

const store = new SessionStore();
createRoot(root).render(
  <StrictMode>
    <App store={store} />
  </StrictMode>,
);
