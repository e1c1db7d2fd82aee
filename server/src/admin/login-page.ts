/**
 * The page on which operators log in. It works without scripts. The form is sent to its own address: what that has behind a
 * `#` names a view of the console, and browsers keep it through the redirect.
 *
 * `isLinked`: a link on another site led here. Such a request comes without the cookie, so that a script asks once more.
 */
export function loginPage(message?: string, isLinked = false): string {
  const alert = message === undefined ? '' : `<p role="alert">${escaped(message)}</p>`;
  const script = isLinked ? '\n    <script src="/admin/login.js" defer></script>' : '';
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="robots" content="noindex" />
    <title>Threadwire: log in</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/admin/login.css" />${script}
  </head>
  <body>
    <main>
      <h1>Threadwire</h1>
      <p>For operators.</p>
      ${alert}
      <form method="post">
        <label>Name <input name="username" autocomplete="username" autocapitalize="none" required autofocus /></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
        <button>Log in</button>
      </form>
    </main>
  </body>
</html>
`;
}

/** From the page itself the cookie is sent: whoever is logged in gets the console in its place. */
export const loginScript = `
const [visit] = performance.getEntriesByType('navigation');
if (visit?.type !== 'reload') {
  fetch('/admin/session').then(({ ok }) => ok && location.reload(), () => undefined);
}
`;

export const loginStyles = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1d2430, #e6e9ef);
  --quiet: light-dark(#5a6475, #9aa4b5);
  --page: light-dark(#f3f5f8, #12161d);
  --card: light-dark(#fff, #1b212b);
  --line: light-dark(#c9d0db, #3a4453);
  --accent: light-dark(#2456c6, #7aa2ff);
  --on-accent: light-dark(#fff, #0d1320);
  --wrong: light-dark(#a3232b, #ff9a9f);
}
* { box-sizing: border-box; }
body {
  margin: 0;
  min-height: 100vh;
  display: grid;
  place-items: center;
  background: var(--page);
  color: var(--text);
  font: 16px/1.5 system-ui, sans-serif;
}
main {
  width: min(22rem, calc(100vw - 2rem));
  padding: 1.5rem;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 12px;
}
h1 { margin: 0; font-size: 1.4rem; }
h1 + p { margin: 0 0 1rem; color: var(--quiet); }
[role='alert'] { margin: 0 0 1rem; color: var(--wrong); }
form { display: grid; gap: 1rem; }
label { display: grid; gap: 0.25rem; font-size: 0.9rem; }
input, button { font: inherit; padding: 0.55rem 0.7rem; border-radius: 8px; border: 1px solid var(--line); }
input { background: transparent; color: inherit; }
button { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
