import { destination, pino, stdTimeFunctions } from 'pino';

export type Fields = Record<string, unknown>;

/** Constant message plus fields; a child logger per worker, shard or group. Never record data. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  child(fields: Fields): Log;
}

/** From most to least; `silent` writes nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on stdout (or `write`). */
export function createLog(level: LogLevel, write?: (line: string) => void): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, write ? { write } : standardOutput());
  const wrap = (inner: typeof logger): Log => ({
    debug: (message, fields) => inner.debug(fields ?? {}, message),
    info: (message, fields) => inner.info(fields ?? {}, message),
    warn: (message, fields) => inner.warn(fields ?? {}, message),
    error: (message, fields) => inner.error(fields ?? {}, message),
    child: (fields) => wrap(inner.child(fields)),
  });
  return wrap(logger);
}

/** What cannot be written, on a full disk or a closed pipe, is lost: no log is worth a worker. */
function standardOutput() {
  const output = destination({ fd: 1, sync: true });
  output.on('error', () => {});
  return output;
}

/** Writes nothing, and so do its children. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
