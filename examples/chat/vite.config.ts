import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** In development: the service whose API the page talks to. */
const service = 'http://127.0.0.1:3000';

export default defineConfig({
  base: './',
  plugins: [react()],
  resolve: {
    alias: {
      // For browsers it has the page's own parser of HTML decode `&amp;`: by a table, no text is ever taken for HTML.
      'decode-named-character-reference': fileURLToPath(import.meta.resolve('decode-named-character-reference')),
    },
  },
  build: {
    // A server may be serving what is there: it stays until it is written anew.
    emptyOutDir: false,
    // light-dark() as it stands: lowered, it would be four times the rules.
    target: ['chrome123', 'edge123', 'firefox128', 'safari17.5'],
    // The page's policy allows no data: URLs but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 600,
  },
  server: {
    // The service takes requests from its own origin only.
    proxy: { '/api': { target: service, ws: true, changeOrigin: true, rewriteWsOrigin: true } },
  },
});
