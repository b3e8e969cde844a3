// Loads a module of the page as the build does.
import { createServer } from 'vite';

export async function load(...paths) {
  const vite = await createServer({ server: { middlewareMode: true, hmr: false, ws: false, watch: null }, optimizeDeps: { noDiscovery: true }, appType: 'custom', logLevel: 'silent' });
  try {
    return await Promise.all(paths.map((path) => vite.ssrLoadModule(path)));
  } finally {
    await vite.close();
  }
}
