import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const platform = process.env.CQP_URL ?? 'http://localhost:8000';

/**
 * The platform serves web/dist at `/` under a strict content policy: no inline script, no outside host.
 * `vite web` is for development only and passes everything that is not the dashboard on to a running platform.
 */
export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    outDir: 'dist',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: 'vendor', test: /node_modules/ }] },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/api', '/health', '/oidc', '/.well-known'].map((path) => [path, { target: platform, ws: true }])),
  },
});
