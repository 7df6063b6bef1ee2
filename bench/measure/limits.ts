/**
 * The constants of the benchmark that define what is measured, each with its unit and its reason. A
 * change of one makes results incomparable with older ones.
 *
 * What a user may want to change is an option of the command (`options.ts`). How the load client
 * shakes hands (how many at once, with what timeouts) is the agent's: `src/fleet/agent/swarm.ts`.
 */

/** One process may open 20,000 files on the reference machine; the rest is for its own needs. */
export const SESSIONS_DEFAULT = 19_000;

/** Bytes of application payload in one broadcast. */
export const PAYLOAD_BYTES = 100;

/** Broadcasts between the idle memory reading and the one after broadcasts. */
export const MEMORY_BROADCASTS = 20;

/** Broadcasts in one CPU sample; enough that the 10 ms tick of /proc is under 2 % of it. */
export const SAMPLE_BROADCASTS = 8;

/**
 * CPU samples per bout: at least the minimum, then more while the time lasts. The cheap servers
 * get more of them, and need them: what a wake-up of the client costs weighs more with them.
 */
export const CPU_SAMPLES_MIN = 3;
export const CPU_SAMPLES_MAX = 8;
export const CPU_SAMPLING_SECONDS = 12;

/** Broadcasts sent in one go for the secondary burst figure. */
export const BURST_BROADCASTS = 5;

/** Loopback addresses that clients connect to, so that ports in TIME_WAIT never run out. */
export const TARGET_ADDRESSES = 16;

/** Bursts in one CPU sample. */
export const SAMPLE_BURSTS = 2;

/** Rest before a memory reading: collectors and allocators return what they mean to return. */
export const SETTLE_MS = 2_500;

/** Rest of a started, still empty worker before its memory is read. */
export const SETTLE_EMPTY_MS = 1_500;

/** Longest wait for one broadcast to reach every session. */
export const DELIVERY_TIMEOUT_MS = 60_000;

/** Longest wait for all sessions to be established, or to be gone. */
export const FILL_TIMEOUT_MS = 120_000;
export const LEAVE_TIMEOUT_MS = 20_000;

/** Longest wait for a contestant to start, and to stop before it is killed. */
export const START_TIMEOUT_MS = 20_000;
export const STOP_TIMEOUT_MS = 5_000;

/** Holdfast ends its own workers by force after 30 s (`shutdownTimeoutMs`), and then itself. */
export const HOLDFAST_STOP_TIMEOUT_MS = 35_000;

/** Failed handshakes are tried again, up to this share of the sessions asked for. */
export const FAILURE_SHARE_MAX = 0.01;

/** A process that used this share of one core was busy all the time. */
export const SATURATED_SHARE = 0.9;

/** Heartbeat period of every contestant, Engine.IO's default. */
export const HEARTBEAT_SECONDS = 25;

/** No further round is begun when it would end after this, so that a run stays under 6 minutes. */
export const BUDGET_SECONDS = 335;

/** The part of a bout that does not grow with the sessions: starting and settling. */
export const BOUT_FIXED_SECONDS = 9;

/** Files that a process needs for other things than sessions. */
export const RESERVED_FILES = 200;
