// Run as a program by doctor.ts: loads the addon and prints what it sees as one line of JSON.
import { messageOf } from '../errors';
import { loadAddon } from './load';

try {
  console.log(JSON.stringify(loadAddon().describe()));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
