import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/*
 * A setup file: kubectl and helm remember for hours which kinds and versions the server at an address knows. An API server of the tests
 * comes up where another has been, with other definitions: each test file has a memory of its own.
 */
const folder = join(tmpdir(), `kcg-kube-cache-${randomUUID()}`);
process.env['KUBECACHEDIR'] = folder;
// The first hook that is registered is the last to run, after the file's own.
afterAll(() => rmSync(folder, { recursive: true, force: true }));
