const key = 'threadwire-admin:return';

/** The session is over: to the login, and back to this view after it. */
export function goToLogin(): void {
  try {
    sessionStorage.setItem(key, location.hash);
  } catch {
    // Back to the overview then.
  }
  location.assign('/admin/');
}

/** After a login: to the view at which the last session ended. */
export function returnToView(): void {
  try {
    const hash = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    if (hash && location.hash === '') history.replaceState(null, '', hash);
  } catch {
    // Storage is forbidden.
  }
}
