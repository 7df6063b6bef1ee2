/**
 * Questions of foreign servers, answered for this node.
 *
 * Each server that counts itself must answer exactly once, and a node is one server whatever number
 * of workers it has: so the workers' answers become one. Where they are not whole nothing is said,
 * and the asker finds that an answer is missing; half of one would look like the whole.
 */

import type { NodeRequest, Target } from '../../../core/contracts/node-link.ts';
import { LIMITS } from '../../../core/limits/limits.ts';
import type { SessionDescription } from '../../../core/sessions/remote-session.ts';
import type { ForeignFigures, ForeignHome, HomeAnswers } from './contract.ts';
import { ForeignFault } from './foreign-fault.ts';
import { encoded, socketOf } from './foreign-values.ts';
import type { Question, ReplyTo } from './heard.ts';
import { ALL } from './message-parts.ts';
import type { Reply } from './saying.ts';

/** Sessions, rooms or acks in one answer: it is one message, or as many as there are acks. */
const ITEMS_MAX = 100_000;
/** An asker waits no longer than this, whatever it says. */
const TIMEOUT_MAX_MS = 600_000;
/** So long before its time is over an asker of `emitWithAck` is told what has come; or a fifth. */
const AHEAD_MS = 250;

export interface AskedQuestion {
  readonly question: Question;
  readonly replyTo: ReplyTo;
  readonly timeoutMs: number | undefined;
}

export interface QuestionOptions {
  readonly home: ForeignHome;
  readonly figures: ForeignFigures;
  /** @returns false when it could not be said */
  reply(namespace: string, reply: Reply): boolean;
  readonly complain: (what: string, reason: string) => void;
}

export class ForeignQuestions {
  readonly #options: QuestionOptions;
  #open = 0;
  #bytes = 0;

  constructor(options: QuestionOptions) {
    this.#options = options;
  }

  /** @param bytes what the question came in */
  take(namespace: string, asked: AskedQuestion, bytes: number): void {
    const { figures, complain } = this.#options;
    const isTooMuch = this.#bytes + bytes > LIMITS.foreignQuestionBytes;
    if (this.#open >= LIMITS.foreignQuestions || isTooMuch) {
      figures.unanswered++;
      complain('a question of a Socket.IO server was not answered', 'too many are open');
      return;
    }
    this.#open++;
    this.#bytes += bytes;
    this.#answer(namespace, asked)
      .then((isAnswered) => {
        if (isAnswered) figures.answered++;
        else figures.unanswered++;
      })
      .catch((error: unknown) => {
        figures.unanswered++;
        const reason = error instanceof Error ? error.message : 'it failed';
        complain('a question of a Socket.IO server was not answered', reason);
      })
      .finally(() => {
        this.#open--;
        this.#bytes -= bytes;
      });
  }

  /** @returns whether it was answered */
  async #answer(namespace: string, asked: AskedQuestion): Promise<boolean> {
    const { question, replyTo } = asked;
    const timeoutMs = Math.min(asked.timeoutMs ?? LIMITS.busRequestMs, TIMEOUT_MAX_MS);
    const ask = async (target: Target, request: NodeRequest): Promise<HomeAnswers> => {
      const answers = await this.#options.home.ask(namespace, target, request, timeoutMs);
      if (answers.items.length > ITEMS_MAX) throw new ForeignFault(`has over ${ITEMS_MAX} items`);
      return answers;
    };
    const reply = (kind: Reply['kind'], value: unknown): boolean => {
      const { json, attachments } = encoded([value ?? null]);
      const text = json.slice(1, -1);
      return this.#options.reply(namespace, { kind, json: text, attachments, replyTo });
    };
    switch (question.kind) {
      case 'sessions': {
        const { items, isWhole } = await ask(question.target, { kind: 'sessions' });
        if (!isWhole) return false;
        return reply('sessions', (items as readonly SessionDescription[]).map(carriedSocket));
      }
      case 'ids': {
        const { items, isWhole } = await ask(question.target, { kind: 'sessions' });
        if (!isWhole) return false;
        const ids = (items as readonly SessionDescription[]).map(({ id }) => id);
        return reply('ids', ids);
      }
      case 'rooms': {
        const most = ITEMS_MAX;
        const { items, isWhole } = await ask(ALL, { kind: 'rooms', after: '', most });
        if (!isWhole || items.length >= most) return false;
        const names = (items as readonly (readonly [room: string])[]).map(([room]) => room);
        return reply('rooms', [...new Set(names)]);
      }
      case 'serverSideEmit': {
        const { event, args } = question;
        const { items } = await ask(ALL, { kind: 'serverSideEmit', event, args });
        if (items.length === 0) return false;
        return reply('serverSideEmit', items[0]);
      }
      case 'command': {
        const { items } = await ask(question.target, { kind: 'count' });
        // Only who has the session answers; the others are silent, as theirs are.
        if (!items.some((count) => count !== 0)) return false;
        this.#options.home.command(namespace, question.target, question.command);
        return reply('done', null);
      }
      case 'emitWithAck':
        return await this.#emit(namespace, question, timeoutMs, reply);
    }
  }

  async #emit(
    namespace: string,
    { target, event, args }: Extract<Question, { kind: 'emitWithAck' }>,
    waitsMs: number,
    reply: (kind: Reply['kind'], value: unknown) => boolean,
  ): Promise<boolean> {
    const timeoutMs = Math.ceil(waitsMs - Math.min(AHEAD_MS, waitsMs / 5));
    const request = { kind: 'emitWithAck', event, args, timeoutMs } as const;
    const { home } = this.#options;
    const { items, missing, isWhole } = await home.ask(namespace, target, request, timeoutMs);
    if (items.length > ITEMS_MAX) return false;
    // Without the count the asker learns that the answer is not whole, and has what there is.
    const isCounted = isWhole && reply('clientCount', items.length + missing);
    const areSaid = items.map((item) => reply('ack', item));
    return isCounted && areSaid.every(Boolean);
  }
}

/** A session whose data no message can carry goes without. */
function carriedSocket(session: SessionDescription): object {
  const socket = socketOf(session);
  try {
    encoded([session.data]);
    return socket;
  } catch {
    return { ...socket, data: {} };
  }
}
