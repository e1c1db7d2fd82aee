// The entry of a store's worker that counts, in `workerData.syncs`, how the commit of each transaction is synced: by
// SQLite's number of the mode, from 0 (OFF) to 3 (EXTRA).
import { workerData } from 'node:worker_threads';
import { Sqlite } from '../../server/dist/store/embedded/sqlite.js';

const write = Reflect.get(Sqlite.prototype, 'write');
Sqlite.prototype.write = function (work) {
  const [mode] = this.one('PRAGMA synchronous')();
  workerData.syncs[mode] += 1;
  return write.call(this, work);
};
await import('../../server/dist/store/embedded/worker.js');
