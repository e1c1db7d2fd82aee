import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.ts';
import type { BackEnd } from './back-ends.ts';
import { requirements } from './requirements.cjs';

/** The URI of a database that no other test has, on the test server or the one given. */
export function freshDatabase(uri = process.env['MONGODB_URI']!): string {
  const name = `threadwire-test-${randomBytes(6).toString('hex')}`;
  const [, server = uri, database = '', query = ''] = /^([^/]+\/\/[^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(uri) ?? [];
  const options = new URLSearchParams(query);
  // Users are looked up in the URI's database, if nothing else is said.
  if (server.includes('@') && !options.has('authSource')) options.set('authSource', database || 'admin');
  return `${server}/${name}?${options.toString()}`;
}

/** Removes the database with all that is in it. */
export async function dropDatabase(uri: string): Promise<void> {
  const connection = await mongoose.createConnection(uri, { serverSelectionTimeoutMS: 2000 }).asPromise();
  await connection.dropDatabase();
  await connection.close();
}

/** A fresh database that is gone when disposed of. */
export function ownDatabase(): AsyncDisposable & { readonly uri: string } {
  const uri = freshDatabase();
  return { uri, [Symbol.asyncDispose]: () => dropDatabase(uri) };
}

/** The MongoDB store, on the server that `MONGODB_URI` names or the global set-up started. */
export const mongodbBackEnd: BackEnd = {
  name: 'mongodb',
  missing: requirements.mongodb.missing(),
  async open() {
    const database = ownDatabase();
    const { uri } = database;
    let store = await openMongoStore({ uri });
    return {
      get store() {
        return store;
      },
      async reopen() {
        await store.close();
        store = await openMongoStore({ uri });
        return store;
      },
      async [Symbol.asyncDispose]() {
        await store.close();
        await database[Symbol.asyncDispose]();
      },
    };
  },
};
