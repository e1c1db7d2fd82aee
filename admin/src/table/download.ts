/** Lets the browser save a text as a file. */
export function download(name: string, text: string): void {
  // Spreadsheets take it for UTF-8 by the mark at its beginning.
  const url = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
