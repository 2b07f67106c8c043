import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { LIMITS } from '../../shared/limits.ts';
import { Slots } from '../../shared/slots.ts';
import { invalidFields, ServiceError } from '../domain/errors.ts';

/**
 * Ends calls at their deadlines. grpc-js sets a timer for each call that has one, with a function of its own, and takes
 * it away when the call ends, as nearly all do long before: a twentieth of a cached read. Here one timer rings at the
 * earliest deadline there was when it was set, and looks at the calls that are under way then. A deadline may be kept
 * later by the time between two looks, which is some milliseconds, and grows with the calls to be looked at.
 */

/** Between two looks, at least. With 100,000 calls waiting, looks took 2 of 100 parts of a core. */
const LOOK_EVERY_MS = 5;
const PLACES_PER_MS = 1_000;

/** What a call ends with at its deadline. */
export function deadlinePassed(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', "the call's deadline passed before its answer was there");
}

/** A call that has a deadline. */
interface Timed {
  readonly call: CallInside;
  /** By performance.now(), which no clock that is set moves. */
  readonly at: number;
  slot: number;
}

const DEADLINE = Symbol('deadline');

interface CallInside {
  /** In milliseconds since 1970. */
  deadline: number;
  [DEADLINE]?: Timed | undefined;
  handleTimeoutHeader(value: string): void;
  notifyOnCancel(): void;
  sendStatus(status: { readonly refusal: ServiceError }): void;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { handleTimeoutHeader, notifyOnCancel } = inside;
if (typeof handleTimeoutHeader !== 'function' || typeof notifyOnCancel !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/call-deadlines.ts');
}

const timed = new Slots<Timed>();
let ringsAt = Number.POSITIVE_INFINITY;
let lookedAt = Number.NEGATIVE_INFINITY;
let timer: NodeJS.Timeout | undefined;

inside.handleTimeoutHeader = function (this: CallInside, value) {
  const timeoutMs = readTimeout(value);
  if (typeof timeoutMs !== 'number') {
    // The call is still being made.
    process.nextTick(() => this.sendStatus({ refusal: timeoutMs }));
    return;
  }
  this.deadline = Date.now() + timeoutMs;
  const entry: Timed = { call: this, at: performance.now() + timeoutMs, slot: 0 };
  entry.slot = timed.add(entry);
  this[DEADLINE] = entry;
  if (entry.at < ringsAt) ringAt(entry.at);
};

/** Called for every call when its stream is closed. */
inside.notifyOnCancel = function (this: CallInside) {
  const entry = this[DEADLINE];
  if (entry !== undefined) forget(entry);
  notifyOnCancel.call(this);
};

function forget({ call, slot }: Timed): void {
  call[DEADLINE] = undefined;
  timed.clear(slot);
}

function ringAt(at: number): void {
  clearTimeout(timer);
  ringsAt = at;
  const now = performance.now();
  const mayLookAt = lookedAt + Math.max(LOOK_EVERY_MS, timed.places / PLACES_PER_MS);
  timer = setTimeout(look, Math.max(1, Math.ceil(Math.max(at, mayLookAt) - now))).unref();
}

function look(): void {
  lookedAt = performance.now();
  ringsAt = Number.POSITIVE_INFINITY;
  let next = Number.POSITIVE_INFINITY;
  const passed: Timed[] = [];
  timed.forEach((entry) => {
    if (entry.at <= lookedAt) passed.push(entry);
    else next = Math.min(next, entry.at);
  });
  for (const entry of passed) {
    forget(entry);
    process.nextTick(expire, entry.call);
  }
  if (next < ringsAt) ringAt(next);
}

function expire(call: CallInside): void {
  call.sendStatus({ refusal: deadlinePassed() });
}

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/**
 * In whole milliseconds; what the call is refused with when it is none: grpc-js takes "-5S" for 5 s, and cuts 600 hours
 * to 32 bits, which is an instant deadline.
 */
function readTimeout(value: string): number | ServiceError {
  const match = TIMEOUT.exec(value);
  if (match === null) {
    return invalidFields([{ field: 'grpc-timeout', description: 'is not 1 to 8 digits and one of H, M, S, m, u, n' }]);
  }
  const timeoutMs = Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 0);
  if (timeoutMs <= LIMITS.deadlineSeconds.max * 1000) return Math.floor(timeoutMs);
  const description = `is ${timeoutMs / 1000} s; at most ${LIMITS.deadlineSeconds.max} s, or none`;
  return invalidFields([{ field: 'grpc-timeout', description }]);
}
