// Before the official UI's own scripts: it finds itself connected to this server, by the cookie of the operator's session.
const settings = {
  server_url: location.origin,
  path: '/api/ws',
  namespace: '/admin',
  ws_only: 'true',
  parser: 'default',
};
for (const [name, value] of Object.entries(settings)) localStorage.setItem(name, value);
localStorage.removeItem('session_id');

// It looks a socket, a room or a client up only once, before the list of them has come: it is led there by way of a list.
const wanted = location.hash;
if (/^#\/(n\/|clients\/.)/.test(wanted)) {
  history.replaceState(null, '', '#/sockets/');
  const giveUpAt = Date.now() + 10_000;
  const timer = setInterval(() => {
    // Whoever has gone elsewhere meanwhile stays there.
    const isHere = location.hash === '#/sockets/';
    const hasRows = document.querySelector('tbody tr:not(.v-data-table__empty-wrapper)') !== null;
    if (isHere && !hasRows && Date.now() < giveUpAt) return;
    clearInterval(timer);
    if (isHere && hasRows) location.replace(wanted);
  }, 100);
}

// It does not say that a session is over, only that it is not connected: whoever is logged out is led to the login.
async function checkSession() {
  const response = await fetch('../session').catch(() => undefined);
  if (response?.status === 401) location.assign('../');
}
setInterval(() => void checkSession(), 30_000);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void checkSession();
});
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener('close', () => void checkSession());
  }
};
