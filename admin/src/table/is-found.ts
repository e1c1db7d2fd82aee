/** Whether what is searched for is in any of the fields; each word may be in another. */
export function isFound(search: string, ...fields: readonly string[]): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = fields.map((field) => field.toLowerCase());
  return words.every((word) => texts.some((text) => text.includes(word)));
}
