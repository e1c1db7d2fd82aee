import { missingRequirements, pythonWith } from './requirements.cjs';

/** An interpreter that has the stock Socket.IO client for Python, or undefined. */
export const python = pythonWith('socketio', 'websocket', 'requests');

/** Why the Python client cannot run here: nothing, or one line, which the reporter also gives at the end of a run. */
export const missing: readonly string[] = missingRequirements()
  .filter(({ name }) => name === 'python')
  .map(({ title, reason }) => `${title}: ${reason}`);
