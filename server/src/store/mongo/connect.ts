import mongoose from 'mongoose';
import type { Connection, Model, mongo } from 'mongoose';
import { StoreUnavailable } from '../thread-store.ts';
import { auditSchema, messageSchema, revocationSchema, threadSchema } from './documents.ts';
import type { AuditDocument, MessageDocument, RevocationDocument, ThreadDocument } from './documents.ts';
import { withoutCredentials } from './errors.ts';

/** How long the server may work on one operation; also how long it may wait for the majority. */
const operationMs = 4000;
/** What every operation is sent with. */
export const bounded = { maxTimeMS: operationMs } as const;

const defaultDatabase = 'threadwire';
/** MongoDB 5.0: the first whose `$lookup` takes both a foreign field and a pipeline. */
const minWireVersion = 13;

export interface Collections {
  readonly connection: Connection;
  readonly threads: Model<ThreadDocument>;
  readonly messages: Model<MessageDocument>;
  readonly audit: Model<AuditDocument>;
  readonly revocations: Model<RevocationDocument>;
  /** Without Mongoose's casting and hydrating: for what is made right here, by the thousand. */
  readonly native: {
    readonly threads: mongo.Collection<ThreadDocument>;
    readonly messages: mongo.Collection<MessageDocument>;
  };
}

/** Connects and makes the indexes. What goes wrong comes as one line that says so, without credentials. */
export async function connect(uri: string, appName: string, maxPoolSize: number): Promise<Collections> {
  let connection: Connection | undefined;
  try {
    // Read before connecting: a URI that cannot be parsed is not to be repeated in an error.
    if (!/^mongodb(\+srv)?:\/\/[^/]/.test(uri)) throw new Error('not a MongoDB connection string');
    const hasDatabase = /^[^/]+\/\/[^/]+\/[^?/]/.test(uri);
    connection = mongoose.createConnection(uri, {
      ...(hasDatabase ? undefined : { dbName: defaultDatabase }),
      appName,
      bufferCommands: false,
      autoIndex: false,
      autoCreate: false,
      maxPoolSize,
      minPoolSize: 1,
      connectTimeoutMS: 2000,
      serverSelectionTimeoutMS: 2000,
      waitQueueTimeoutMS: 2000,
      socketTimeoutMS: operationMs + 2000,
      // A server that hangs is noticed after this and the connect timeout.
      heartbeatFrequencyMS: 2000,
      readPreference: 'primary',
      readConcern: { level: 'majority' },
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: operationMs },
    });
    await connection.asPromise();
    const { maxWireVersion } = (await connection.db!.command({ hello: 1 })) as { maxWireVersion: number };
    if (maxWireVersion < minWireVersion) throw new Error('the server is older than MongoDB 5.0');
    const threads = connection.model<ThreadDocument>('Thread', threadSchema);
    const messages = connection.model<MessageDocument>('Message', messageSchema);
    const audit = connection.model<AuditDocument>('AuditEntry', auditSchema);
    const revocations = connection.model<RevocationDocument>('Revocation', revocationSchema);
    await threads.createIndexes();
    await messages.createIndexes();
    const native = {
      threads: threads.collection as unknown as mongo.Collection<ThreadDocument>,
      messages: messages.collection as unknown as mongo.Collection<MessageDocument>,
    };
    return { connection, threads, messages, audit, revocations, native };
  } catch (error) {
    await connection?.close(true).catch(() => undefined);
    throw new StoreUnavailable(`MONGODB_URI: ${withoutCredentials((error as Error).message)}`, { cause: error });
  }
}
