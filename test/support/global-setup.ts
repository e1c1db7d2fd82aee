import { findMongodbServer, MongodbServer } from './mongodb-server.ts';

/** The server of this run, for the teardown; both run in Jest's own process. */
export const ofThisRun: { mongodb?: MongodbServer } = {};

/** Before all tests: where no MongoDB is given by `MONGODB_URI`, one is started if it is installed. */
export default async function globalSetup(): Promise<void> {
  if (process.env['MONGODB_URI']) return;
  const binary = findMongodbServer();
  if (!binary) return;
  try {
    ofThisRun.mongodb = await MongodbServer.start(binary);
    process.env['MONGODB_URI'] = ofThisRun.mongodb.uri;
  } catch (error) {
    process.env['THREADWIRE_MISSING_MONGODB'] = (error as Error).message.replaceAll(/\s+/g, ' ');
  }
}
