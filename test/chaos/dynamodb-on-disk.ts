import dynalite from 'dynalite';

/*
 * dynamodb-on-disk.ts <folder> <port>: dynalite as a process of its own, with its tables in a folder. Says when it
 * listens, and ends with its parent.
 */

const [path, port] = process.argv.slice(2);
const options = { path, createTableMs: 100 };
const server = dynalite(options);
server.keepAliveTimeout = 0;
server.listen(Number(port), '127.0.0.1', () => console.log('listens'));
process.stdin.on('end', () => process.exit()).resume();
