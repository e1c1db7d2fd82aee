const schemes = new Set(['http:', 'https:', 'mailto:']);

/** An address that somebody may be led to; undefined for what is none, is relative, or would do anything but lead there. */
export function safeHref(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  // As the browser reads it: `java\nscript:` has no line break there.
  const { protocol, href } = new URL(url);
  return schemes.has(protocol) ? href : undefined;
}
