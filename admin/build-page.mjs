// Makes `dist/index.html`, the page at `/admin/`.
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const out = path.join(import.meta.dirname, 'dist');
mkdirSync(out, { recursive: true });
cpSync(path.join(import.meta.dirname, 'index.html'), path.join(out, 'index.html'));
