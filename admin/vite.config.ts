import { defineConfig } from 'vite';

/** In development: the service that the page shows. */
const service = 'http://127.0.0.1:3000';

export default defineConfig({
  base: '/admin/',
  build: {
    // light-dark() as it stands: lowered, it would be four times the rules.
    target: ['chrome123', 'edge123', 'firefox128', 'safari17.5'],
    // A server may be serving what is there, and `dist/sockets` is made by another build: it stays until it is written anew.
    emptyOutDir: false,
    // The page's policy allows no data: URLs but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    // The service takes requests from its own origin only, and the login is its own.
    proxy: {
      '/api': { target: service, ws: true, changeOrigin: true, rewriteWsOrigin: true },
      '^/admin/(login|logout|session|sockets)': { target: service, changeOrigin: true, headers: { origin: service } },
    },
  },
});
