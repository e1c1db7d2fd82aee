// The theme that was chosen here (see src/ui/theme.ts); without one the system's holds.
try {
  const theme = localStorage.getItem('threadwire-admin:theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's theme.
}
