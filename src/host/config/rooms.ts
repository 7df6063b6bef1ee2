/**
 * What the config says of rooms, by the pattern of their names: the type of it, and its schema.
 */
import { z } from 'zod';

/**
 * Who may do something with a room: `anyone`; `users`, which are sessions with a user; `owner`, the
 * user whose id stands where the pattern has its `*`; `granted`, whose token or hook names the
 * room; `nobody`, which leaves it to the app.
 */
export type RoomRule = 'anyone' | 'users' | 'owner' | 'granted' | 'nobody';

/** What a room keeps of what is said to it; what goes beyond either bound goes, oldest first. */
export interface HistorySettings {
  readonly messages: number;
  readonly seconds: number;
  /**
   * Keeps of each event only the latest, by this member of its first argument; `""` for the
   * latest of each event.
   */
  readonly latestBy?: string | undefined;
}

export interface RoomSettings {
  /** Who may join when the client asks for it. */
  readonly join: RoomRule;
  /** Who may send an event to all of the room without the app. */
  readonly publish: RoomRule;
  readonly history?: HistorySettings | undefined;
  /** Sessions that were cut off are taken up again, with all their rooms; needs `history`. */
  readonly recovery: boolean;
  /** Who is in the room is known, and told to those in it. */
  readonly presence: boolean;
}

/**
 * Settings by pattern: a name in which one `*` stands for any characters, or none. What is said to
 * everyone of a namespace is said to the room of the empty name.
 */
export type RoomsConfig = Readonly<Record<string, RoomSettings>>;

const MESSAGES_MAX = 100_000;
const SECONDS_MAX = 7 * 86_400;
const MEMBER_MAX = 64;
const PATTERN_MAX = 256;

const rule = z.enum(['anyone', 'users', 'owner', 'granted', 'nobody']);
const history = z.strictObject({
  messages: z.int().min(1).max(MESSAGES_MAX).default(1_000),
  seconds: z.int().min(1).max(SECONDS_MAX).default(120),
  latestBy: z.string().max(MEMBER_MAX).optional(),
});
const settings = z
  .strictObject({
    join: rule.default('anyone'),
    publish: rule.default('nobody'),
    history: history.optional(),
    recovery: z.boolean().optional(),
    presence: z.boolean().default(false),
  })
  .refine(({ history: kept, recovery }) => kept !== undefined || recovery !== true, {
    message: 'recovery needs history',
    path: ['recovery'],
  })
  .transform((given) => ({ ...given, recovery: given.recovery ?? given.history !== undefined }));
const pattern = z
  .string()
  .max(PATTERN_MAX)
  .refine((name) => name.isWellFormed() && name.split('*').length <= 2, {
    message: 'a pattern has one * at the most',
  });

export const roomsSchema: z.ZodType<RoomsConfig> = z.record(pattern, settings);

/** Completes "it must be …". */
export const ROOMS_ALLOWED =
  'settings by name pattern such as {"match:*": {"history": {"messages": 100, "seconds": 60}}}';
