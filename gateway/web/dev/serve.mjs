// `npm run dev`: the stand-in gate with Vite's server before it. Prints the address and the code.
import { createServer } from 'vite';
import { startGate } from './gate.mjs';

const gate = await startGate({ seed: Number(process.env.SEED ?? 7) });
const target = process.env.GATEWAY_URL ?? gate.url;
const vite = await createServer({ server: { host: '127.0.0.1', port: 5173, proxy: { '/api': { target } } } });
await vite.listen();
vite.printUrls();
console.log(`  one-time code: ${gate.code}   (gateway: ${target})`);
